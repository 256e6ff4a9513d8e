// What a stage is tried with first: the quick cases, in one process and in less than two seconds.
#include <cstdio>
#include <iostream>

#include "bench/timing.h"
#include "testing/caches.h"
#include "testing/suite.h"

int main() {
  using namespace flash;
  if (stages().empty()) return 2;
  const std::vector<ConformanceCase> cases = quick_cases();
  int failed = 0;
  for (const Stage& stage : stages()) {
    int of_stage = 0;
    const double seconds = seconds_of([&] {
      of_stage = examine(stage, cases, std::cout);
      if (of_stage == 0) of_stage = examine_caches(stage, std::cout);
    });
    if (of_stage == 0)
      std::printf("%s: all %zu quick cases pass (%.1f s)\n", stage.name.data(), cases.size(),
                  seconds);
    failed += of_stage;
  }
  return failed == 0 ? 0 : 1;
}
