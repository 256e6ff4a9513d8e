#include "bench/precheck.h"

#include "bench/verdict.h"
#include "check/edge_cases.h"
#include "check/generator.h"
#include "diagnosis/diagnosis.h"
#include "report/summary.h"

namespace flash {
namespace {

std::string failure(const Stage& stage, tile::cpu::Device& device, const Problem& problem,
                    const Inputs& inputs, const Expected& expected) {
  Verdict verdict = run_and_check(stage, device, problem, inputs, expected);
  if (verdict.misuse.empty()) diagnose(problem, inputs, verdict.outputs, verdict.check);
  return describe(verdict);
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
