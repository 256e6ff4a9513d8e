// The instructions of a softmax, one kind at a time: results per cycle of one SM with 4, 8 and 16
// warps of 8 independent chains each, and the latency of one chain in one warp.
#include <cmath>

#include "operations.cuh"

namespace measured {
namespace {

template <class Operation, int Chains>
__global__ void chains(const float* start, float* out, Window* windows, int rounds) {
  float x[Chains];
  for (float& value : x) value = start[threadIdx.x % 32];
  const float a = start[32], b = start[33];
  __syncthreads();
  const Stopwatch watch;
  apply_rounds<Operation>(x, a, b, rounds);
  __syncthreads();
  if (threadIdx.x == 0) *windows = watch.read();
  for (int i = 0; i < Chains; ++i) out[i * blockDim.x + threadIdx.x] = x[i];
}

struct Chained {
  Spread cycles;  // of all rounds
  double instructions_per_warp, clock_mhz;
  int wrong;
};

template <class Operation, int Chains>
Chained run_chains(int warps) {
  constexpr int rounds = 512, steps = 256 / Chains / Operation::instructions;
  const Buffer<float> values(start_values());
  Buffer<float> out(warps * 32 * Chains);
  const Timing timing = time_in_kernel([&](Window* windows) {
    chains<Operation, Chains><<<1, warps * 32>>>(values.data(), out.data(), windows, rounds);
  });
  int wrong = 0;
  const float expected = Operation::expected(1.0 * rounds * steps);
  for (const float value : out.read()) wrong += std::abs(value - expected) > 1e-5f * expected;
  return {timing.cycles, 256.0 * rounds, timing.clock_mhz, wrong};
}

template <class Operation>
Figures measure_operation() {
  Figures figures;
  const Chained alone = run_chains<Operation, 1>(1);
  figures.add("latency_cycles", alone.cycles / alone.instructions_per_warp);
  int wrong = alone.wrong;
  for (const int warps : {4, 8, 16}) {
    const Chained busy = run_chains<Operation, 8>(warps);
    const double results =
        32.0 * warps * busy.instructions_per_warp * Operation::results / Operation::instructions;
    figures.add("results_per_cycle_" + std::to_string(warps) + "_warps",
                rate(results, busy.cycles));
    wrong += busy.wrong;
    if (warps == 16) figures.add("sm_clock_mhz", busy.clock_mhz);
  }
  return figures.add(wrong_results, wrong);
}

template <class... Operation>
void measure_operations(Report& report) {
  (report.test(Operation::name, measure_operation<Operation>), ...);
}

}  // namespace

void measure_arithmetic(Report& report) {
  measure_operations<Exp2, Exp2Half2, MultiplyAdd, Add, Multiply, Maximum, ToBf16, ToF16, ToE4m3,
                     Shuffle>(report);
}

}  // namespace measured
