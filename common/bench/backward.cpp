#include "bench/backward.h"

#include <limits>

#include "bench/precheck.h"
#include "bench/timing.h"
#include "check/edge_cases.h"
#include "check/generator.h"
#include "diagnosis/gradients.h"
#include "report/summary.h"

namespace flash {

void name_mistake(const Problem& problem, const Inputs& inputs, const ExpectedGradients& expected,
                  BackwardVerdict& verdict) {
  if (!verdict.misuse.empty() || verdict.check.passed()) return;
  const TriedGradients tried{problem, inputs, *verdict.outputs.gradients, expected, verdict.check};
  const GradientFindings findings = diagnose({&tried, 1});
  verdict.looks_like = findings.looks_like;
  verdict.values = findings.values;
}

BackwardVerdict run_and_check(const Stage& stage, tile::cpu::Device& device, const Problem& problem,
                              const Inputs& inputs, const ExpectedGradients& expected) {
  BackwardVerdict verdict;
  try {
    verdict.outputs = execute_backward(stage, device, problem, inputs);
  } catch (const tile::TileError& error) {
    verdict.misuse = error.what();
    return verdict;
  }
  verdict.counters = device.counters();
  verdict.check = check(problem, expected, *verdict.outputs.gradients);
  verdict.differences = describe_difference(verdict.counters, stage.backward_cost(problem));
  return verdict;
}

std::string describe(const BackwardVerdict& verdict) {
  if (!verdict.misuse.empty()) return verdict.misuse;
  std::string lines = verdict.check.passed() ? "" : describe(verdict.check);
  if (!verdict.looks_like.empty())
    lines += "\n  looks like: " + verdict.looks_like;
  else if (!verdict.values.empty())
    lines += "\n  values: " + verdict.values;
  if (!lines.empty() && !verdict.differences.empty()) lines += "\n";
  return lines + verdict.differences;
}

std::string precheck_backward(const Stage& stage, tile::cpu::Device& device,
                              std::int64_t head_dim) {
  for (const auto& [problem, seed] : edge_cases(head_dim)) {
    const Inputs inputs = generate_with_gradient(problem, seed);
    const ExpectedGradients expected = expect_gradients(problem, inputs);
    for (int schedule = 0; schedule < precheck_schedules; ++schedule) {
      device.set_schedule(schedule);
      BackwardVerdict verdict = run_and_check(stage, device, problem, inputs, expected);
      if (verdict.passed()) continue;
      name_mistake(problem, inputs, expected, verdict);
      device.set_schedule(0);
      return "on a small problem, " + problem_text(problem) + ":\n" + describe(verdict);
    }
  }
  device.set_schedule(0);
  return "";
}

Measured measure(const Stage& stage, tile::cpu::Device& device, const Problem& problem,
                 const Inputs& inputs, const ExpectedGradients& expected, int runs) {
  BackwardVerdict verdict;
  const double first =
      seconds_of([&] { verdict = run_and_check(stage, device, problem, inputs, expected); });
  name_mistake(problem, inputs, expected, verdict);
  StageReport report{.stage = std::string(stage.name),
                     .passed = verdict.passed(),
                     .failure = describe(verdict),
                     .check = {},
                     .gradients = verdict.check,
                     .seconds = {},
                     .counters = verdict.counters,
                     .formula = stage.backward_cost(problem)};
  if (report.passed) {
    const AttentionArgs args = make_backward_args(problem, inputs, verdict.outputs);
    const auto run = [&] { stage.backward()->run(device, args); };
    stage.forward(device, args);
    report.seconds = time_runs(run, first, runs);
  }
  return {std::move(report), std::move(verdict.outputs)};
}

void explore_backward(const Stage& stage, tile::cpu::Device& device, const Problem& problem,
                      const Inputs& inputs, int schedules, Measured& measured) {
  const auto gives_the_same_bits = [&] {
    const Outputs outputs = execute_backward(stage, device, problem, inputs);
    const Gradients &found = *outputs.gradients, &expected = *measured.outputs.gradients;
    return found.dk == expected.dk && found.dv == expected.dv &&
           (found.dq == expected.dq || !problem.deterministic);
  };
  explore(device, schedules, gives_the_same_bits, measured);
}

Inputs generate_with_gradient(const Problem& problem, std::uint64_t seed) {
  Inputs inputs = generate(problem, seed);
  inputs.d_o = generate_gradient(problem, seed);
  return inputs;
}

}  // namespace flash
