// `ladder run`: checks and measures the stages on one problem.
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "bench/machine.h"
#include "bench/measure.h"
#include "bench/precheck.h"
#include "check/generator.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/run_options.h"
#include "io/attention_file.h"
#include "report/summary.h"
#include "report/units.h"
#include "stages/execute.h"
#include "stages/memory.h"

namespace flash {
namespace {

namespace fs = std::filesystem;

// One line on a terminal that says what takes so long; gone in the end.
class Progress {
 public:
  explicit Progress(const Environment& environment) : environment_(environment) {}
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress() { show(""); }

  void show(const std::string& text) {
    if (environment_.progress) environment_.err << "\r\x1b[K" << text << std::flush;
  }

 private:
  const Environment& environment_;
};

// Checked before the long work, so that it is not lost.
void require_writable(const std::string& option, const std::string& file, bool device_allowed) {
  if (file.empty()) return;
  std::error_code ignored;
  const fs::path folder = fs::path(file).has_parent_path() ? fs::path(file).parent_path() : ".";
  const fs::file_status status = fs::status(file, ignored);
  const bool suitable = !fs::exists(status) || fs::is_regular_file(status) ||
                        (device_allowed && !fs::is_directory(status));
  const bool writable =
      fs::exists(status) ? access(file.c_str(), W_OK) == 0 : access(folder.c_str(), W_OK) == 0;
  if (!suitable || !writable || !fs::is_directory(folder, ignored))
    throw BadInput(option + ": '" + file +
                   "' cannot be written, expected a file in a folder that may be written");
}

void require_writable(const RunOptions& options) {
  require_writable("--output", options.output, false);
  require_writable("--json", options.json, true);
  if (options.json.empty() || options.output.empty()) return;
  const auto canonical = [](const std::string& file) {
    return fs::weakly_canonical(fs::absolute(file));
  };
  if (canonical(options.json) == canonical(options.output))
    throw BadInput("--json: '" + options.json + "' is --output, too, expected another file");
}

// Of the inputs and one stage's outputs, before they are allocated.
void require_memory_for_tensors(const Problem& p) {
  const auto elements = static_cast<double>(2 * q_elements(p) + 2 * k_elements(p));
  const double needed =
      elements * size_in_bytes(p.dtype) + 4.0 * static_cast<double>(lse_elements(p));
  const double available = available_memory();
  if (needed <= available) return;
  throw BadInput("the problem: q, k, v, o and lse need " + bytes_text(needed) +
                 ", expected at most the " + bytes_text(available) +
                 " of memory that are available");
}

std::string source(const RunOptions& options) {
  if (options.input.empty()) return "generated with seed " + std::to_string(options.seed);
  const fs::path relative = fs::path(options.input).lexically_relative(ATTENTION_DATA_DIR);
  const bool ours = !relative.empty() && *relative.begin() != "..";
  return (ours ? "common/data/" + relative.string() : options.input);
}

void write_json(const std::string& file, const Report& report) {
  std::ofstream stream(file);
  stream << to_json(report).dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << "\n"
         << std::flush;
  if (!stream) throw BadInput("--json: '" + file + "' cannot be written, expected room for it");
}

Report run_stages(const RunOptions& options, const Environment& environment) {
  Progress progress(environment);
  AttentionFile task{options.problem, {}};
  if (options.input.empty())
    require_memory_for_tensors(options.problem);
  else
    task = read_attention_file(options.input, options.problem.causal);
  const auto& [problem, inputs] = task;
  for (const Stage& stage : options.stages) require_memory(stage, problem);

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
                .peaks = environment.measure_peaks(std::min(options.threads, machine.cores)),
                .stages = {}};
  if (options.input.empty()) {
    progress.show("generating inputs");
    task.inputs = generate(problem, options.seed);
  }
  progress.show("computing the reference");
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

int run(const Arguments& arguments, const Environment& environment) {
  if (asks_for_help(arguments)) return environment.out << run_help_text(), 0;
  const RunOptions options = parse_run_options(arguments, environment.stages);
  require_writable(options);
  const Report report = run_stages(options, environment);
  environment.out << summary_text(report, environment.terminal);
  if (options.profile) environment.out << profile_text(report, environment.terminal);
  if (!options.json.empty()) write_json(options.json, report);
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
