// `ladder run`: checks and measures the stages on one problem.
#include <algorithm>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

#include "bench/backward.h"
#include "bench/machine.h"
#include "bench/measure.h"
#include "bench/precheck.h"
#include "check/generator.h"
#include "cli/cli.h"
#include "cli/long_work.h"
#include "cli/options.h"
#include "cli/run_options.h"
#include "io/attention_file.h"
#include "report/summary.h"
#include "stages/execute.h"

namespace flash {
namespace {

namespace fs = std::filesystem;

std::string source(const RunOptions& options) {
  if (options.input.empty()) return "generated with seed " + std::to_string(options.seed);
  const fs::path relative = fs::path(options.input).lexically_relative(ATTENTION_DATA_DIR);
  const bool ours = !relative.empty() && *relative.begin() != "..";
  return (ours ? "common/data/" + relative.string() : options.input);
}

// Checks and measures the backward passes.
Report run_backward(const RunOptions& options, const AttentionFile& task, Progress& progress,
                    Report report) {
  const auto& [problem, inputs] = task;
  const ExpectedGradients expected = expect_gradients(problem, inputs);
  tile::cpu::Device device(tile::find_gpu(options.gpu), options.threads);
  for (const Stage& stage : options.stages) {
    progress.show(std::string(stage.name) + ", backward");
    device.set_checked(true);
    std::string wrong = precheck(stage, device, problem.head_dim);
    if (wrong.empty()) wrong = precheck_backward(stage, device, problem.head_dim);
    if (!wrong.empty()) {
      report.stages.push_back(stopped(stage, problem, wrong));
      continue;
    }
    device.set_checked(options.checked);
    Measured measured = measure(stage, device, problem, inputs, expected, options.runs);
    explore_backward(stage, device, problem, inputs, options.schedules, measured);
    report.stages.push_back(std::move(measured.report));
    if (!options.output.empty() && !measured.outputs.o.empty())
      write_outputs(options.output, problem, std::move(measured.outputs));
  }
  return report;
}

}  // namespace

Report run_stages(const RunOptions& options, const Environment& environment) {
  Progress progress(environment);
  AttentionFile task{options.problem, {}};
  if (options.input.empty())
    require_memory_for_tensors(options.problem);
  else
    task = read_attention_file(options.input, options.problem.causal,
                               options.backward && !options.is_default_input);
  task.problem.deterministic = options.problem.deterministic;
  task.problem.dropout = options.problem.dropout;
  task.problem.dropout_seed = options.problem.dropout_seed;
  const auto& [problem, inputs] = task;
  for (const Stage& stage : options.stages) require_memory(stage, problem, options.backward);

  // Before inputs are generated, so that the memory that the measurement takes is free again.
  progress.show("measuring the machine's peaks");
  const Machine machine = this_machine();
  Report report{.problem = problem,
                .source = source(options),
                .machine = machine,
                .gpu = options.gpu,
                .threads = options.threads,
                .checked = options.checked,
                .schedules = options.schedules,
                .backward = options.backward,
                .peaks = environment.measure_peaks(std::min(options.threads, machine.cores)),
                .stages = {}};
  if (options.input.empty()) {
    progress.show("generating inputs");
    task.inputs = generate(problem, options.seed);
  }
  if (options.backward && inputs.d_o.empty())
    task.inputs.d_o = generate_gradient(problem, options.seed);
  progress.show("computing the reference");
  if (options.backward) return run_backward(options, task, progress, std::move(report));
  std::map<Precision, Expected> expected;
  for (const Stage& stage : options.stages)
    if (!expected.contains(stage.fp8)) expected[stage.fp8] = expect(problem, inputs, stage.fp8);

  tile::cpu::Device device(tile::find_gpu(options.gpu), options.threads);
  for (const Stage& stage : options.stages) {
    progress.show(std::string(stage.name) + ", stage " + std::to_string(report.stages.size() + 1) +
                  " of " + std::to_string(options.stages.size()));
    device.set_checked(true);
    if (const std::string wrong = precheck(stage, device, problem.head_dim); !wrong.empty()) {
      report.stages.push_back(stopped(stage, problem, wrong));
      continue;
    }
    device.set_checked(options.checked);
    Measured measured =
        measure(stage, device, problem, inputs, expected.at(stage.fp8), options.runs);
    explore(stage, device, problem, inputs, options.schedules, measured);
    report.stages.push_back(std::move(measured.report));
    if (!options.output.empty() && !measured.outputs.o.empty())
      write_outputs(options.output, problem, std::move(measured.outputs));
  }
  return report;
}

namespace {

int run(const Arguments& arguments, const Environment& environment) {
  if (asks_for_help(arguments)) return environment.out << run_help_text(), 0;
  const RunOptions options = parse_run_options(arguments, environment.stages);
  require_writable(options.output, options.json);
  const Report report = run_stages(options, environment);
  environment.out << summary_text(report, environment.terminal);
  if (options.profile) environment.out << profile_text(report, environment.terminal);
  if (!options.json.empty()) write_json("--json", options.json, to_json(report));
  const auto passed = [](const StageReport& stage) { return stage.passed; };
  return std::all_of(report.stages.begin(), report.stages.end(), passed) ? 0 : 1;
}

}  // namespace

int run_command(const Arguments& arguments, const Environment& environment) {
  try {
    return run(arguments, environment);
  } catch (const BadInput& error) {
    throw in_run_options(error);
  }
}

}  // namespace flash
