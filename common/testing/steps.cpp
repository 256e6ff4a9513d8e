// What a stage's steps, or the one that is named, are tried with: the quick cases, a seventh of the
// conformance grid, and the edge cases with the roles in several orders.
#include <cstdio>
#include <iostream>

#include "bench/precheck.h"
#include "bench/timing.h"
#include "testing/suite.h"

namespace flash {
namespace {

std::vector<ConformanceCase> step_cases() {
  std::vector<ConformanceCase> cases = quick_cases();
  const std::vector<ConformanceCase> grid = grid_cases();
  for (std::size_t i = 0; i < grid.size(); i += 7) cases.push_back(grid[i]);
  std::erase_if(cases, [](const ConformanceCase& test) {
    return test.problem.head_dim > max_step_head_dim ||
           std::max(test.problem.seqlen_q, test.problem.seqlen_k) > 600;
  });
  return cases;
}

bool passes(const Stage& step, const std::vector<ConformanceCase>& cases) {
  if (examine(step, cases, std::cout) > 0) return false;
  tile::cpu::Device device;
  device.set_checked(true);
  const std::string wrong = precheck(step, device, 64);
  if (!wrong.empty()) std::cout << step.name << ": " << wrong << "\n";
  return wrong.empty();
}

}  // namespace
}  // namespace flash

int main(int argc, char** argv) try {
  using namespace flash;
  if (stages().empty()) return 2;
  const Stage* const only = argc > 1 ? &find_stage(argv[1]) : nullptr;
  const std::vector<ConformanceCase> cases = step_cases();
  int failed = 0;
  for (const Stage& step : stages()) {
    if (only && &step != only) continue;
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
