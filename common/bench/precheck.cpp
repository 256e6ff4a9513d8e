#include "bench/precheck.h"

#include <span>
#include <utility>

#include "bench/verdict.h"
#include "check/edge_cases.h"
#include "check/generator.h"
#include "diagnosis/diagnosis.h"
#include "report/summary.h"

namespace flash {
namespace {

// `differences` are those of the counters, or what stopped the stage.
Tried try_on(const Stage& stage, tile::cpu::Device& device, const EdgeCase& edge_case,
             std::string& differences) {
  Tried tried{edge_case.problem, generate(edge_case.problem, edge_case.seed, stage.fp8), {}, {}};
  const Expected expected = expect(tried.problem, tried.inputs, stage.fp8);
  Verdict verdict = run_and_check(stage, device, tried.problem, tried.inputs, expected);
  verdict = shortest(stage, device, tried.problem, tried.inputs, std::move(verdict));
  tried.outputs = std::move(verdict.outputs);
  tried.check = verdict.check;
  const std::string steps = last_steps(verdict);
  differences = verdict.misuse + (steps.empty() ? "" : "\n" + steps) + verdict.differences;
  return tried;
}

// The first problem with a wrong output, and what the others say about it.
std::string diagnosed(const Stage& stage, tile::cpu::Device& device,
                      std::span<const EdgeCase> others, Tried wrong) {
  std::vector<Tried> tried;
  tried.push_back(std::move(wrong));
  for (const EdgeCase& edge_case : others) {
    std::string differences;
    Tried other = try_on(stage, device, edge_case, differences);
    const bool is_stopped = other.outputs.lse.empty() && lse_elements(other.problem) > 0;
    if (!is_stopped) tried.push_back(std::move(other));
  }
  CheckResult& result = tried.front().check;
  set_findings(result, diagnose(tried, traits_of(stage)));
  return describe(result);
}

}  // namespace

std::string precheck(const Stage& stage, tile::cpu::Device& device, std::int64_t head_dim) {
  std::string wrong;
  const std::vector<EdgeCase> cases = edge_cases(head_dim);
  for (std::size_t i = 0; i < cases.size() && wrong.empty(); ++i) {
    for (int schedule = 0; schedule < precheck_schedules && wrong.empty(); ++schedule) {
      device.set_schedule(schedule);
      Tried tried = try_on(stage, device, cases[i], wrong);
      if (tried.outputs.lse.empty() || tried.check.passed) continue;
      const std::span others = std::span(cases).subspan(i + 1);
      const std::string outputs = diagnosed(stage, device, others, std::move(tried));
      wrong = wrong.empty() ? outputs : outputs + '\n' + wrong;
    }
    if (!wrong.empty())
      wrong = "on a small problem, " + problem_text(cases[i].problem) + ":\n" + wrong;
  }
  device.set_schedule(0);
  return wrong;
}

}  // namespace flash
