// Facts about the machine that a run stands on.
#pragma once

#include <cstdint>
#include <string>

namespace flash {

struct Machine {
  std::string cpu;  // model name
  int cores = 1;    // hardware threads
  std::string simd;
  std::string compiler, flags;
  std::string date;  // today's, year-month-day
};

Machine this_machine();

}  // namespace flash
