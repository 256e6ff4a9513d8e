// What a backward pass is tried with first: the quick cases, in one process. With dropout the
// forward pass as well.
#include <cstdio>
#include <iostream>

#include "bench/timing.h"
#include "testing/backward_suite.h"
#include "testing/suite.h"

int main() {
  using namespace flash;
  int failed = 0, tried = 0;
  const std::vector<ConformanceCase> dropout = dropout_cases();
  std::vector<ConformanceCase> cases = quick_cases();
  for (const ConformanceCase& each : dropout) {
    cases.push_back(each);
    cases.back().problem.deterministic = cases.size() % 2 == 0;  // blocks take turns
  }
  for (const Stage& stage : stages()) {
    if (!stage.backward()) continue;
    ++tried;
    int of_stage = 0;
    const double seconds = seconds_of([&] {
      of_stage = examine(stage, dropout, std::cout);
      if (of_stage == 0) of_stage = examine_backward(stage, cases, std::cout);
    });
    if (of_stage == 0)
      std::printf("%s, backward: all %zu quick cases pass (%.1f s)\n", stage.name.data(),
                  cases.size(), seconds);
    failed += of_stage;
  }
  return tried == 0 ? 2 : failed == 0 ? 0 : 1;
}
