// What this machine can do at most.
#pragma once

#include "report/machine.h"

namespace flash {

// Measured with the instruction set of the kernels, on `threads` threads at once, in many short
// repetitions; takes a second. The best of them is the peak of arithmetic on registers. Memory is
// shared with what else the machine does, and a lucky moment no measure of it: there it is the
// median, as of a kernel. It is for operands from the first cache, too, beside which a clock may
// fall. A second cache is a core's own.
Peaks measure_peaks(int threads);

// A millisecond or less of operations on the calling thread: on registers alone, or of operands
// that are loaded from the first cache.
struct Chains {
  void (*run)();
  double flops;  // 0: the processor has no such operation
};
Chains fma_chains();
Chains fma_from_l1_chains();
Chains bf16_dot_chains();

}  // namespace flash
