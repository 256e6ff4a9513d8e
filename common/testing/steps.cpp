// What a stage's steps, or the one that is named, are tried with: the quick cases, a seventh of the
// conformance grid, and the edge cases with the roles in several orders; those of the backward pass
// with dropout as well, and with additions in order.
#include <cstdio>
#include <iostream>

#include "bench/backward.h"
#include "bench/precheck.h"
#include "bench/timing.h"
#include "testing/backward_suite.h"
#include "testing/suite.h"

namespace flash {
namespace {

std::vector<ConformanceCase> cases_of(const Stage& step) {
  std::vector<ConformanceCase> cases = quick_cases();
  const std::vector<ConformanceCase> grid = grid_cases();
  for (std::size_t i = 0; i < grid.size(); i += 7) cases.push_back(grid[i]);
  if (step.is_backward_step()) {
    const std::vector<ConformanceCase> dropout = dropout_cases();
    cases.insert(cases.end(), dropout.begin(), dropout.end());
    for (std::size_t i = 1; i < cases.size() && !step.any_order; i += 2)
      cases[i].problem.deterministic = true;
  }
  std::erase_if(cases, [](const ConformanceCase& test) {
    return test.problem.head_dim > max_step_head_dim ||
           std::max(test.problem.seqlen_q, test.problem.seqlen_k) > 600;
  });
  return cases;
}

// Catches an order that depends on which thread runs a block.
std::string order_of_sums(const Stage& step) {
  Problem problem{.kv_heads = 2, .seqlen_q = 333, .seqlen_k = 517, .causal = true};
  problem.deterministic = true;
  const Inputs inputs = generate_with_gradient(problem, 7);
  tile::cpu::Device one(tile::find_gpu("h100"), 1), many(tile::find_gpu("h100"), 7);
  const Buffer dQ = execute_backward(step, one, problem, inputs).gradients->dq;
  for (int run = 0; run < 25; ++run)
    if (execute_backward(step, many, problem, inputs).gradients->dq != dQ)
      return "dQ has other bits with 7 threads than with one";
  return "";
}

bool passes(const Stage& step, const std::vector<ConformanceCase>& cases) {
  const bool backward = step.is_backward_step();
  if ((backward ? examine_backward : examine)(step, cases, std::cout) > 0) return false;
  tile::cpu::Device device;
  device.set_checked(true);
  std::string wrong = (backward ? precheck_backward : precheck)(step, device, 64);
  if (wrong.empty() && backward && !step.any_order) wrong = order_of_sums(step);
  if (!wrong.empty()) std::cout << step.name << ": " << wrong << "\n";
  return wrong.empty();
}

}  // namespace
}  // namespace flash

int main(int argc, char** argv) try {
  using namespace flash;
  if (stages().empty()) return 2;
  const Stage* const only = argc > 1 ? &find_stage(argv[1]) : nullptr;
  int failed = 0;
  for (const Stage& step : stages()) {
    if (!step.is_step() || (only && &step != only)) continue;
    const std::vector<ConformanceCase> cases = cases_of(step);
    bool right = false;
    const double seconds = seconds_of([&] { right = passes(step, cases); });
    if (right)
      std::printf("%s: all %zu cases pass (%.1f s)\n", step.name.data(), cases.size(), seconds);
    failed += !right;
  }
  return failed == 0 ? 0 : 1;
} catch (const tile::BadInput& error) {
  std::cerr << "ladder: test" << std::string(error.what()).substr(error.argument.size()) << "\n";
  return 2;
}
