// The tables of `ladder bench`.
#include <algorithm>
#include <cstdio>

#include "bench/cases/bench_report.h"
#include "report/units.h"

namespace flash {
namespace {

constexpr int bar_width = 14;

std::string two_digits(double x) {
  char text[16];
  std::snprintf(text, sizeof text, "%.2f", x);
  return text;
}

std::string spread_text(const Spread& s) {
  return percent_text((s.upper_quartile - s.lower_quartile) / s.median);
}

// "######  |": the ratio, and where its goal is.
std::string bar(double ratio, double goal, double longest) {
  const auto place = [&](double x) {
    return std::clamp(static_cast<int>(x / longest * bar_width + 0.5), 0, bar_width);
  };
  std::string text(place(ratio), '#');
  if (goal <= 0) return text;
  const std::size_t at = std::max(place(goal) - 1, 0);
  if (text.size() <= at) text.resize(at + 1, ' ');
  text[at] = '|';
  return text;
}

std::string short_name(const Case& c) {
  switch (c.against) {
    case Against::nothing:
      return "";
    case Against::fma_peak:
      return "FMA";
    case Against::bf16_peak:
      return "bf16 dot";
    case Against::read_bandwidth:
      return "read";
    case Against::other:
      return c.other;
    case Against::best:
      return "best";
  }
  return "";
}

std::vector<Cell> row(const GroupResult& group, std::size_t i, double longest) {
  const Case& c = group.group.cases[i];
  const CaseResult& r = group.results[i];
  if (r.seconds.runs == 0) {
    std::vector<Cell> cells(8, Cell{"", Tone::faint});
    cells[0] = {c.name};
    cells[1] = {"FAIL", Tone::bad};
    return cells;
  }
  const double reached = ratio(group, i), goal = goal_of(c);
  const bool short_of_it = reached > 0 && reached < goal;
  return {{c.name},
          {seconds_text(r.seconds.median)},
          {spread_text(r.seconds)},
          {rate_text(rate(c, r))},
          {reached > 0 ? two_digits(reached) : "", short_of_it ? Tone::bad : Tone::good},
          {reached > 0 ? short_name(c) : ""},
          {reached > 0 && goal > 0 ? two_digits(goal) : ""},
          {bar(reached, reached > 0 ? goal : 0, longest)}};
}

TextTable table_of(const GroupResult& group) {
  const bool cached = group.group.cases.front().cache.has_value();
  TextTable table({{"", true},
                   {"median"},
                   {"IQR"},
                   {cached ? "GB/s" : "GFLOP/s"},
                   {"ratio"},
                   {"to", true},
                   {"goal"},
                   {"", true}});
  double longest = 1;
  for (std::size_t i = 0; i < group.results.size(); ++i)
    longest = std::max({longest, ratio(group, i), goal_of(group.group.cases[i])});
  for (std::size_t i = 0; i < group.results.size(); ++i) table.add_row(row(group, i, longest));
  return table;
}

// What the cases find in the processor's caches.
std::string temperature(const BenchReport& report, const GroupResult& group) {
  if (group.read_gbs.empty()) return "Warm caches.";
  const std::int64_t last = report.machine.caches.last_level();
  return "Cold caches: " +
         bytes_text(static_cast<double>(std::max<std::int64_t>(last, 128 << 20))) +
         " of something else are read before each run; so read, the cache takes " +
         rate_text(group.read_gbs.rbegin()->second) + " GB/s.";
}

}  // namespace

std::string header_text(const BenchReport& report, const Terminal& terminal) {
  std::string text = paragraph(terminal, "machine  ", machine_text(report.machine, report.threads));
  for (const auto& [count, peaks] : report.peaks)
    text += paragraph(
        terminal, "peaks    ",
        rate_text(peaks.fma_gflops) + " GFLOP/s of fp32 FMA on registers alone, " +
            rate_text(peaks.fma_from_l1_gflops) + " with operands from the first cache, " +
            (peaks.bf16_gflops > 0 ? rate_text(peaks.bf16_gflops) + " of bf16 dot products"
                                   : std::string("no bf16 dot product")) +
            ", " + rate_text(peaks.read_gbs) + " GB/s read; " + std::to_string(count) +
            (count == 1 ? " thread" : " threads"));
  return text;
}

std::string group_text(const BenchReport& report, const GroupResult& group,
                       const Terminal& terminal) {
  std::string text = "\n" +
                     paragraph(terminal, group.group.name + "  ",
                               group.group.title + " " + temperature(report, group)) +
                     table_of(group).text(terminal);
  for (std::size_t i = 0; i < group.results.size(); ++i)
    if (const std::string& failure = group.results[i].failure; !failure.empty())
      text += painted(terminal, Tone::bad, group.group.cases[i].name) + ": " + failure + "\n";
  return text;
}

std::string legend_text(const Terminal& terminal) {
  return "\n" +
         paragraph(terminal, "median   ",
                   "of the times of a run; IQR: between its quartiles lies half of them, in "
                   "percent of the median; the cases of a table take turns") +
         paragraph(
             terminal, "GFLOP/s  ",
             "of 4 N_q N_k d for each head, of a backward pass 10, half of it if causal, whatever "
             "is executed; "
             "GB/s: of the keys and values in the cache") +
         paragraph(terminal, "ratio    ",
                   "to FMA on registers alone in turns with the cases, to the read bandwidth "
                   "beside them, to the speed of another case or of the best; | in the bar: the "
                   "goal on a quiet machine");
}

}  // namespace flash
