#include "bench/cases/bench_report.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "tile/cpu/simd/simd.h"

namespace flash {
namespace {

using Json = nlohmann::ordered_json;

double cache_bytes(const Case& c) {
  return 2.0 * static_cast<double>(k_elements(c.problem)) * size_in_bytes(c.cache->dtype);
}

std::size_t find(const GroupResult& group, const std::string& name) {
  const auto found = std::ranges::find(group.group.cases, name, &Case::name);
  return found - group.group.cases.begin();
}

// What the rate of a case is divided by.
double reference(const GroupResult& group, const Case& c) {
  const auto rate_of = [&](std::size_t i) { return rate(group.group.cases[i], group.results[i]); };
  const auto ceiling = group.ceilings.find(c.threads);
  switch (c.against) {
    case Against::nothing:
      return 0;
    case Against::fma_peak:
      return ceiling == group.ceilings.end() ? 0 : ceiling->second.fma_gflops;
    case Against::bf16_peak:  // of the faster of the two ways to multiply bf16 numbers
      return ceiling == group.ceilings.end()
                 ? 0
                 : std::max(ceiling->second.fma_gflops, ceiling->second.bf16_gflops);
    case Against::read_bandwidth:
      return group.read_gbs.empty() ? 0 : group.read_gbs.at(c.threads);
    case Against::other:
      return rate_of(find(group, c.other));
    case Against::best:
      break;
  }
  double best = 0;
  for (std::size_t i = 0; i < group.results.size(); ++i) best = std::max(best, rate_of(i));
  return best;
}

Json problem_json(const Problem& p) {
  return {{"batch", p.batch},       {"heads", p.heads},       {"kv_heads", p.kv_heads},
          {"seqlen_q", p.seqlen_q}, {"seqlen_k", p.seqlen_k}, {"head_dim", p.head_dim},
          {"causal", p.causal},     {"dtype", name(p.dtype)}, {"deterministic", p.deterministic}};
}

std::string against_text(const Case& c) {
  switch (c.against) {
    case Against::nothing:
      return "";
    case Against::fma_peak:
      return "FMA peak";
    case Against::bf16_peak:
      return "bf16 dot peak";
    case Against::read_bandwidth:
      return "read bandwidth";
    case Against::other:
      return c.other;
    case Against::best:
      return "best of the group";
  }
  return "";
}

Json case_json(const GroupResult& group, std::size_t i) {
  const Case& c = group.group.cases[i];
  const CaseResult& r = group.results[i];
  Json json = {{"group", group.group.name},
               {"name", c.name},
               {"stage", c.stage},
               {"pass", c.backward ? "backward" : "forward"},
               {"problem", problem_json(c.problem)},
               {"threads", c.threads},
               {"processor_caches", c.cache && !group.read_gbs.empty() ? "cold" : "warm"},
               {"passed", r.failure.empty()},
               {"max_abs_error", r.check.max_abs_error},
               {"error_bound", r.check.error_bound},
               {"seconds",
                {{"min", r.seconds.min},
                 {"lower_quartile", r.seconds.lower_quartile},
                 {"median", r.seconds.median},
                 {"upper_quartile", r.seconds.upper_quartile},
                 {"runs", r.seconds.runs}}},
               {c.cache ? "gbs" : "gflops", rate(c, r)}};
  if (c.cache)
    json["cache"] = {{"dtype", name(c.cache->dtype)},
                     {"page_size", c.cache->page_size},
                     {"bytes", static_cast<std::int64_t>(cache_bytes(c))}};
  if (const double share = ratio(group, i); share > 0) {
    json["ratio"] = share;
    json["ratio_to"] = against_text(c);
    if (c.against != Against::other) json["reference"] = reference(group, c);
    if (goal_of(c) > 0) json["goal"] = goal_of(c);
  }
  if (!r.failure.empty()) json["failure"] = r.failure;
  return json;
}

Json peaks_json(const BenchReport& report) {
  Json json = Json::array();
  for (const auto& [threads, peaks] : report.peaks)
    json.push_back({{"threads", threads},
                    {"fma_gflops", peaks.fma_gflops},
                    {"fma_from_l1_gflops", peaks.fma_from_l1_gflops},
                    {"bf16_dot_gflops", peaks.bf16_gflops},
                    {"read_gbs", peaks.read_gbs}});
  return json;
}

}  // namespace

void BenchReport::add_peaks(int count, const Peaks& measured) {
  Peaks& best = peaks[count];
  best = {.fma_gflops = std::max(best.fma_gflops, measured.fma_gflops),
          .read_gbs = measured.read_gbs,
          .bf16_gflops = std::max(best.bf16_gflops, measured.bf16_gflops),
          .fma_from_l1_gflops = std::max(best.fma_from_l1_gflops, measured.fma_from_l1_gflops)};
}

double rate(const Case& c, const CaseResult& result) {
  if (result.seconds.runs == 0 || result.seconds.median <= 0) return 0;
  return (c.cache ? cache_bytes(c) : nominal_flops(c)) / result.seconds.median * 1e-9;
}

double ratio(const GroupResult& group, std::size_t i) {
  const Case& c = group.group.cases[i];
  const double to = reference(group, c);
  if (to <= 0) return 0;
  // Caches of other types have other bytes; it is the times of the same work that are compared.
  if (c.cache && c.against == Against::other && group.results[i].seconds.runs > 0)
    return group.results[find(group, c.other)].seconds.median / group.results[i].seconds.median;
  return rate(c, group.results[i]) / to;
}

double goal_of(const Case& c) {
  const std::string_view simd = tile::cpu::simd_name;
  return simd == "AVX-512" ? c.goal.avx512 : simd == "AVX2" ? c.goal.avx2 : 0;
}

bool passed(const BenchReport& report) {
  return std::ranges::all_of(report.groups, [](const GroupResult& group) {
    return std::ranges::all_of(group.results,
                               [](const CaseResult& r) { return r.failure.empty(); });
  });
}

Json to_json(const BenchReport& report) {
  Json json = {{"machine", to_json(report.machine)},
               {"threads", report.threads},
               {"peaks", peaks_json(report)},
               {"cases", Json::array()}};
  for (const GroupResult& group : report.groups)
    for (std::size_t i = 0; i < group.results.size(); ++i)
      json["cases"].push_back(case_json(group, i));
  return json;
}

}  // namespace flash
