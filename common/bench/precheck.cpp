#include "bench/precheck.h"

#include "check/edge_cases.h"
#include "check/generator.h"
#include "diagnosis/diagnosis.h"
#include "report/summary.h"
#include "stages/execute.h"
#include "tile/error.h"

namespace flash {
namespace {

std::string failure(const Stage& stage, tile::cpu::Device& device, const Problem& problem,
                    const Inputs& inputs, const Expected& expected) {
  try {
    const Outputs outputs = execute(stage, device, problem, inputs);
    CheckResult result = check(problem, expected, outputs);
    if (result.passed) return "";
    diagnose(problem, inputs, outputs, result);
    return describe(result);
  } catch (const tile::TileError& error) {
    return error.what();
  }
}

}  // namespace

std::string precheck(const Stage& stage, tile::cpu::Device& device, std::int64_t head_dim) {
  std::string wrong;
  for (const auto& [problem, seed] : edge_cases(head_dim)) {
    const Inputs inputs = generate(problem, seed, stage.fp8);
    const Expected expected = expect(problem, inputs, stage.fp8);
    for (int schedule = 0; schedule < precheck_schedules && wrong.empty(); ++schedule) {
      device.set_schedule(schedule);
      wrong = failure(stage, device, problem, inputs, expected);
    }
    if (!wrong.empty()) {
      wrong = "on a small problem, " + problem_text(problem) + ":\n" + wrong;
      break;
    }
  }
  device.set_schedule(0);
  return wrong;
}

}  // namespace flash
