// mma.sync m16n8k16, the tensor-core instruction from before Hopper: cycles per instruction of one
// SM with 4, 8 and 16 warps. Each warp keeps 16 independent accumulators, operands in registers.
#include "measure.cuh"

namespace measured {
namespace {

constexpr int accumulators = 16;

__device__ void multiply(float (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2]) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
      "{%8, %9}, {%0, %1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

// `pairs` holds two bf16 elements. Four left and four right operands, so that no register is read
// by every instruction.
template <int Chains>
__global__ void chains(std::uint32_t pairs, float* out, Window* windows, int rounds) {
  std::uint32_t a[4][4], b[4][2];
  for (int i = 0; i < 4; ++i) {
    for (int j = 0; j < 4; ++j) asm volatile("mov.b32 %0, %1;" : "=r"(a[i][j]) : "r"(pairs));
    for (int j = 0; j < 2; ++j) asm volatile("mov.b32 %0, %1;" : "=r"(b[i][j]) : "r"(pairs));
  }
  float d[Chains][4] = {};
  __syncthreads();
  const Stopwatch watch;
#pragma unroll 1
  for (int round = 0; round < rounds; ++round)
#pragma unroll
    for (int i = 0; i < 2 * accumulators; ++i) multiply(d[i % Chains], a[i / 4 % 4], b[i % 4]);
  __syncthreads();
  if (threadIdx.x == 0) *windows = watch.read();
  float sum = 0;
  for (int i = 0; i < Chains; ++i)
    for (int j = 0; j < 4; ++j) sum += d[i][j];
  out[threadIdx.x] = sum;
}

template <int Chains>
Figures measure_chains(int warps) {
  constexpr int rounds = 2048, instructions = rounds * 2 * accumulators;
  constexpr std::uint32_t ones = 0x3f803f80;
  Buffer<float> out(warps * 32);
  const Timing timing = time_in_kernel([&](Window* windows) {
    chains<Chains><<<1, warps * 32>>>(ones, out.data(), windows, rounds);
  });
  // Every instruction adds 16 to each of the thread's 4 elements.
  int wrong = 0;
  for (const float value : out.read()) wrong += !(value == 4.0f * 16 * instructions);
  const Spread cycles = timing.cycles / instructions;
  Figures figures;
  if (Chains == 1) {
    figures.add("latency_cycles", cycles);
  } else {
    figures.add("cycles_per_instruction", cycles / warps);
    figures.add("operations_per_cycle", 2.0 * 16 * 8 * 16 * warps / cycles.median);
  }
  return figures.add("sm_clock_mhz", timing.clock_mhz).add(wrong_results, wrong);
}

}  // namespace

void measure_mma_sync(Report& report) {
  report.test("m16n8k16_bf16_latency", [] { return measure_chains<1>(1); });
  for (const int warps : {4, 8, 16})
    report.test("m16n8k16_bf16_" + std::to_string(warps) + "_warps",
                [&] { return measure_chains<accumulators>(warps); });
}

}  // namespace measured
