// What the machine can do at most: the ceilings that a stage's speed is a share of.
#pragma once

namespace flash {

struct Peaks {
  double fma_gflops;  // fp32, 10^9 multiplications and additions a second
  double read_gbs;    // from memory, 10^9 bytes a second
};

// Measured with the instruction set of the kernels, on `threads` threads at once. Takes about half
// a second; the best of many short repetitions counts, as clocks and neighbours vary.
Peaks measure_peaks(int threads);

}  // namespace flash
