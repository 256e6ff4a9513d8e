// What the machine can do at most: the ceilings that a stage's speed is a share of.
#pragma once

namespace flash {

struct Peaks {
  double fma_gflops;  // fp32, 10^9 multiplications and additions a second
  double read_gbs;    // from memory, 10^9 bytes a second
};

// Measured with the instruction set of the kernels, on `threads` threads at once, in many short
// repetitions; takes about half a second. The best of them is the peak of FMA. Memory is shared
// with what else the machine does, and a lucky moment no measure of it: there it is the median, as
// of a kernel.
Peaks measure_peaks(int threads);

}  // namespace flash
