#include "report/report.h"

#include <nlohmann/json.hpp>

#include "attention/tensor.h"
#include "report/traffic.h"

namespace flash {
namespace {

using Json = nlohmann::ordered_json;
using tile::Counters;
using tile::PerTensor;

void compare(std::string& lines, const std::string& name, std::int64_t counted,
             std::int64_t formula) {
  if (counted == formula) return;
  lines += (lines.empty() ? "" : "\n") + name + ": counted " + std::to_string(counted) +
           ", the formula says " + std::to_string(formula) + ".";
}

void compare(std::string& lines, const std::string& name, const PerTensor& counted,
             const PerTensor& formula) {
  for (const tile::TensorId tensor : Tensor::all)
    compare(lines, name + " " + std::string(tensor.name), counted[tensor], formula[tensor]);
}

Json problem_json(const Report& report) {
  const Problem& p = report.problem;
  Json json = {{"batch", p.batch},
               {"heads", p.heads},
               {"kv_heads", p.kv_heads},
               {"seqlen_q", p.seqlen_q},
               {"seqlen_k", p.seqlen_k},
               {"head_dim", p.head_dim},
               {"dtype", tile::name(p.dtype)},
               {"causal", p.causal},
               {"scale", p.softmax_scale()},
               {"source", report.source}};
  if (p.dropout > 0) {
    json["dropout"] = p.dropout;
    json["dropout_seed"] = p.dropout_seed;
  }
  if (p.packed()) {
    json["cu_seqlens_q"] = p.cu_seqlens_q;
    json["cu_seqlens_k"] = p.cu_seqlens_k;
  }
  return json;
}

Json machine_json(const Report& report) {
  Json json = to_json(report.machine);
  json["threads"] = report.threads;
  json["gpu"] = report.gpu;
  json["checked"] = report.checked;
  json["fma_peak_gflops"] = report.peaks.fma_gflops;
  json["read_bandwidth_gbs"] = report.peaks.read_gbs;
  json["l2_read_bandwidth_gbs"] = report.peaks.l2_gbs;
  return json;
}

// Bytes by tensor, of those that have any.
Json profile_json(const Counters& counters) {
  Json json = Json::object();
  const auto add = [&](const char* direction, const PerTensor& bytes) {
    for (const tile::TensorId tensor : Tensor::all)
      if (bytes[tensor] != 0) json[std::string(tensor.name)][direction] = bytes[tensor];
  };
  add("read_bytes", counters.hbm_read);
  add("write_bytes", counters.hbm_write);
  add("workspace_bytes", counters.hbm_workspace);
  return json;
}

Json errors_json(const CheckResult& check) {
  return {
      {"max_abs_error", check.max_abs_error},         {"error_bound", check.error_bound},
      {"mean_abs_error", check.mean_abs_error},       {"mean_error_bound", check.mean_error_bound},
      {"lse_max_abs_error", check.lse_max_abs_error}, {"lse_error_bound", check.lse_error_bound},
      {"rows_checked", check.rows_checked},           {"rows_total", check.rows_total}};
}

Json errors_json(const GradientCheck& check) {
  const auto of = [](const GradientErrors& errors) -> Json {
    return {{"max_abs_error", errors.max},
            {"error_bound", errors.bound.max},
            {"mean_abs_error", errors.mean},
            {"mean_error_bound", errors.bound.mean}};
  };
  return {{"pass", "backward"},
          {"dq", of(check.dq)},
          {"dk", of(check.dk)},
          {"dv", of(check.dv)},
          {"key_heads_checked", check.heads_checked},
          {"key_heads_total", check.heads_total}};
}

Json stage_json(const Report& report, const StageReport& stage) {
  const Counters &counters = stage.counters, &formula = stage.formula;
  Json json = {{"stage", stage.stage},
               {"device", report.device},
               {"dtype", tile::name(report.problem.dtype)},
               {"passed", stage.passed}};
  json.update(stage.gradients ? errors_json(*stage.gradients) : errors_json(stage.check));
  json.update(Json({{"seconds",
                     {{"min", stage.seconds.min},
                      {"median", stage.seconds.median},
                      {"runs", stage.seconds.runs}}},
                    {"gflops", gflops(report, stage)},
                    {"fraction_of_peak", fraction_of_peak(report, stage)},
                    {"hbm_read_bytes", counters.hbm_read.total()},
                    {"hbm_write_bytes", counters.hbm_write.total()},
                    {"hbm_workspace_bytes", counters.hbm_workspace.total()},
                    {"formula_read_bytes", formula.hbm_read.total()},
                    {"formula_write_bytes", formula.hbm_write.total()},
                    {"on_chip_peak_bytes", counters.on_chip_peak},
                    {"launches", counters.launches},
                    {"executed_flops", counters.flops},
                    {"exponentials", counters.exponentials},
                    {"tensors", profile_json(counters)}}));
  if (!stage.passed) json["failure"] = stage.failure;
  return json;
}

}  // namespace

double nominal_flops(const Report& report) {
  return nominal_flops(report.problem) * (report.backward ? 2.5 : 1);
}

double gflops(const Report& report, const StageReport& stage) {
  if (stage.seconds.runs == 0 || stage.seconds.median <= 0) return 0;
  return nominal_flops(report) / stage.seconds.median * 1e-9;
}

double fraction_of_peak(const Report& report, const StageReport& stage) {
  return report.peaks.fma_gflops > 0 ? gflops(report, stage) / report.peaks.fma_gflops : 0;
}

std::string describe_difference(const Counters& counted, const Counters& formula) {
  std::string lines;
  compare(lines, "HBM bytes read of", counted.hbm_read, formula.hbm_read);
  compare(lines, "HBM bytes written of", counted.hbm_write, formula.hbm_write);
  compare(lines, "workspace bytes of", counted.hbm_workspace, formula.hbm_workspace);
  compare(lines, "peak on-chip bytes", counted.on_chip_peak, formula.on_chip_peak);
  compare(lines, "FLOPs", counted.flops, formula.flops);
  compare(lines, "exponentials", counted.exponentials, formula.exponentials);
  compare(lines, "launches", counted.launches, formula.launches);
  const std::string hint = traffic_hint(counted, formula);
  return hint.empty() ? lines : lines + "\n" + hint;
}

Json to_json(const Report& report) {
  Json stages = Json::array();
  for (const StageReport& stage : report.stages) stages.push_back(stage_json(report, stage));
  return {{"problem", problem_json(report)},
          {"machine", machine_json(report)},
          {"stages", std::move(stages)}};
}

}  // namespace flash
