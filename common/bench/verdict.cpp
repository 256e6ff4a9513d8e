#include "bench/verdict.h"

#include <limits>

#include "report/report.h"
#include "tile/error.h"
#include "tile/todo.h"

namespace flash {

Verdict run_and_check(const Stage& stage, tile::cpu::Device& device, const Problem& problem,
                      const Inputs& inputs, const Expected& expected) {
  Verdict verdict;
  device.reset_counters();
  try {
    verdict.outputs = execute(stage, device, problem, inputs);
  } catch (const tile::TileError& error) {
    verdict.misuse = error.what();
    verdict.unwritten = dynamic_cast<const tile::Unwritten*>(&error) != nullptr;
    verdict.check.max_abs_error = std::numeric_limits<double>::infinity();
    return verdict;
  }
  verdict.counters = device.counters();
  verdict.check = check(problem, expected, verdict.outputs);
  verdict.differences = describe_difference(verdict.counters, stage.cost(problem));
  return verdict;
}

KernelTraits traits_of(const Stage& stage) {
  return {stage.fp8, stage.plan};
}

std::string describe(const Verdict& verdict) {
  if (!verdict.misuse.empty()) return verdict.misuse;
  std::string lines = verdict.check.passed ? "" : describe(verdict.check);
  if (!lines.empty() && !verdict.differences.empty()) lines += "\n";
  return lines + verdict.differences;
}

}  // namespace flash
