#include "bench/measure.h"

#include <algorithm>

#include "bench/timing.h"
#include "bench/verdict.h"
#include "diagnosis/diagnosis.h"

namespace flash {
namespace {

Timing summarise(const std::vector<double>& seconds) {
  return {*std::min_element(seconds.begin(), seconds.end()), median(seconds),
          static_cast<int>(seconds.size())};
}

}  // namespace

// If another would take too long, the run before is the only one.
Timing time_runs(const std::function<void()>& run, double warm_up, int runs) {
  constexpr double too_long = 5, long_run = 2, enough = 0.5;  // seconds
  if (runs == 0 && warm_up > too_long) return summarise({warm_up});
  const std::size_t min_runs = runs > 0 ? runs : warm_up > long_run ? 1 : 3;
  std::vector<double> seconds;
  double sum = 0;
  while (seconds.size() < min_runs || (runs == 0 && sum < enough)) {
    seconds.push_back(seconds_of(run));
    sum += seconds.back();
  }
  return summarise(seconds);
}

StageReport stopped(const Stage& stage, const Problem& problem, const std::string& failure) {
  StageReport report;
  report.stage = stage.name;
  report.formula = stage.cost(problem);
  report.failure = failure;
  report.check.max_abs_error = std::numeric_limits<double>::infinity();
  return report;
}

Measured measure(const Stage& stage, tile::cpu::Device& device, const Problem& problem,
                 const Inputs& inputs, const Expected& expected, int runs) {
  Verdict verdict;
  const double first =
      seconds_of([&] { verdict = run_and_check(stage, device, problem, inputs, expected); });
  const bool stopped = !verdict.misuse.empty();
  if (!stopped) diagnose(problem, inputs, verdict.outputs, verdict.check, traits_of(stage));
  StageReport report{.stage = std::string(stage.name),
                     .passed = verdict.passed(),
                     .failure = describe(verdict),
                     .check = verdict.check,
                     .seconds = stopped ? Timing{} : summarise({first}),
                     .counters = verdict.counters,
                     .formula = stage.cost(problem)};
  if (report.passed) {
    const AttentionArgs args = make_args(problem, inputs, verdict.outputs);
    report.seconds = time_runs([&] { stage.forward(device, args); }, first, runs);
  }
  return {std::move(report), std::move(verdict.outputs)};
}

void explore(tile::cpu::Device& device, int schedules,
             const std::function<bool()>& gives_the_same_bits, Measured& measured) {
  std::string& failure = measured.report.failure;
  for (int schedule = 1; schedule < schedules && measured.report.passed; ++schedule) {
    device.set_schedule(schedule);
    try {
      if (!gives_the_same_bits()) failure = "gives other bits than schedule 0";
    } catch (const tile::TileError& error) {
      failure = error.what();
    }
    if (failure.empty()) continue;
    failure = "schedule " + std::to_string(schedule) + ": " + failure;
    measured.report.passed = false;
  }
  device.set_schedule(0);
}

void explore(const Stage& stage, tile::cpu::Device& device, const Problem& problem,
             const Inputs& inputs, int schedules, Measured& measured) {
  const auto gives_the_same_bits = [&] {
    const Outputs outputs = execute(stage, device, problem, inputs);
    return outputs.o == measured.outputs.o && outputs.lse == measured.outputs.lse;
  };
  explore(device, schedules, gives_the_same_bits, measured);
}

}  // namespace flash
