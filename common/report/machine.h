// What a run stands on.
#pragma once

#include <string>

namespace flash {

struct Machine {
  std::string cpu;  // model name
  int cores = 1;    // hardware threads
  std::string simd;
  std::string compiler, flags;
  std::string date;  // today's, year-month-day
};

// The ceilings that a stage's speed is a share of.
struct Peaks {
  double fma_gflops;  // fp32, 10^9 multiplications and additions a second
  double read_gbs;    // from memory, 10^9 bytes a second
};

}  // namespace flash
