#include "bench/verdict.h"

#include <limits>
#include <string>

#include "report/report.h"
#include "tile/error.h"
#include "tile/todo.h"

namespace flash {

namespace {

// But for the numbers of block, role, slot and phase.
bool is_same(std::string a, std::string b) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  std::erase_if(a, is_digit);
  std::erase_if(b, is_digit);
  return a == b;
}

}  // namespace

Verdict run_and_check(const Stage& stage, tile::cpu::Device& device, const Problem& problem,
                      const Inputs& inputs, const Expected& expected) {
  Verdict verdict;
  device.reset_counters();
  try {
    verdict.outputs = execute(stage, device, problem, inputs);
  } catch (const tile::TileError& error) {
    verdict.misuse = error.what();
    verdict.steps = error.steps;
    verdict.switches = error.switches;
    verdict.unwritten = dynamic_cast<const tile::Unwritten*>(&error) != nullptr;
    verdict.check.max_abs_error = std::numeric_limits<double>::infinity();
    return verdict;
  }
  verdict.counters = device.counters();
  verdict.check = check(problem, expected, verdict.outputs);
  verdict.differences = describe_difference(verdict.counters, stage.cost(problem));
  return verdict;
}

Verdict shortest(const Stage& stage, tile::cpu::Device& device, const Problem& problem,
                 const Inputs& inputs, Verdict verdict) {
  if (verdict.steps.empty()) return verdict;
  constexpr int schedules = 10;
  for (int schedule = 0; schedule < schedules; ++schedule) {
    device.set_schedule(schedule);
    try {
      execute(stage, device, problem, inputs);
    } catch (const tile::TileError& error) {
      if (!is_same(error.what(), verdict.misuse) || error.switches >= verdict.switches) continue;
      verdict.misuse = error.what();
      verdict.steps = error.steps;
      verdict.switches = error.switches;
    }
  }
  device.set_schedule(0);
  return verdict;
}

KernelTraits traits_of(const Stage& stage) {
  return {stage.fp8, stage.plan};
}

std::string last_steps(const Verdict& verdict) {
  if (verdict.steps.empty()) return "";
  return "last steps, after " + std::to_string(verdict.switches) + " switch" +
         (verdict.switches == 1 ? "" : "es") + " between the roles:\n" +
         verdict.steps.substr(0, verdict.steps.size() - 1);
}

std::string describe(const Verdict& verdict) {
  if (!verdict.misuse.empty()) return verdict.misuse;
  std::string lines = verdict.check.passed ? "" : describe(verdict.check);
  if (!lines.empty() && !verdict.differences.empty()) lines += "\n";
  return lines + verdict.differences;
}

}  // namespace flash
