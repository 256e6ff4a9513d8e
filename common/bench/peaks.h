// What this machine can do at most.
#pragma once

#include "report/machine.h"

namespace flash {

// Measured with the instruction set of the kernels, on `threads` threads at once, in many short
// repetitions; takes about half a second. The best of them is the peak of arithmetic. Memory is
// shared with what else the machine does, and a lucky moment no measure of it: there it is the
// median, as of a kernel.
Peaks measure_peaks(int threads);

// FMAs on registers alone, on the calling thread: what their peak is measured with, under a
// millisecond of it.
void run_fma_chains();
extern const double fma_chain_flops;

}  // namespace flash
