// The online softmax in the accumulator layout of WGMMA and mma.sync: a thread holds scores of two
// rows. As FlashAttention-3 does it: 64 × 128 scores for a warpgroup, 64 for a thread.
#pragma once

#include <cmath>

#include "products.cuh"

namespace measured {

inline constexpr int tile_scores = 64;             // of one thread
inline constexpr float exponent_scale = 0.12753f;  // log2(e) / sqrt(128)

struct RowState {
  float maximum[2] = {-1e30f, -1e30f};  // m
  float sum[2] = {0, 0};                // l, of this thread's scores only
};

struct Rescale {
  float row[2];
};

__device__ inline float exp2_approximate(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}

// Row of the two that element i of a thread belongs to.
__device__ constexpr int row_of(int i) {
  return i / 2 % 2;
}

// Per score one FMNMX, one FFMA, one MUFU and one FADD; four chains keep the latency hidden.
template <int Count>
__device__ Rescale softmax_step(float (&scores)[Count], RowState& state) {
  float maximum[4] = {scores[0], scores[1], scores[2], scores[3]};
  for (int i = 4; i < Count; ++i) maximum[i % 4] = fmaxf(maximum[i % 4], scores[i]);
  Rescale rescale;
  float offset[2];
  for (int row = 0; row < 2; ++row) {
    float m = fmaxf(maximum[2 * row], maximum[2 * row + 1]);
    for (const int lane : {1, 2}) m = fmaxf(m, __shfl_xor_sync(~0u, m, lane));
    m = fmaxf(m, state.maximum[row]);
    rescale.row[row] = exp2_approximate((state.maximum[row] - m) * exponent_scale);
    state.maximum[row] = m;
    offset[row] = m * exponent_scale;
  }
  float sum[4] = {};
  for (int i = 0; i < Count; ++i) {
    scores[i] = exp2_approximate(__fmaf_rn(scores[i], exponent_scale, -offset[row_of(i)]));
    sum[i % 4] += scores[i];
  }
  for (int row = 0; row < 2; ++row)
    state.sum[row] = state.sum[row] * rescale.row[row] + (sum[2 * row] + sum[2 * row + 1]);
  return rescale;
}

template <int Count>
__device__ void rescale_rows(float (&output)[Count], const Rescale& rescale) {
  for (int i = 0; i < Count; ++i) output[i] *= rescale.row[row_of(i)];
}

// P in bf16, in the layout of a left operand in registers: half a conversion per score.
template <int Count>
__device__ void pack(std::uint32_t (&operand)[Count / 2], const float (&weights)[Count]) {
  for (int i = 0; i < Count / 2; ++i)
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;"
        : "=r"(operand[i])
        : "f"(weights[2 * i + 1]), "f"(weights[2 * i]));
}

__device__ inline unsigned char* aligned_tiles(unsigned char* memory) {
  return memory + (1024 - __cvta_generic_to_shared(memory) % 1024) % 1024;
}

// Groups of 8 × m64n128k16, two in flight, on a tile that serves as both operands; `rows` are its
// bytes, for a left operand in registers.
template <bool FromRegisters>
__device__ float products_of_one_warpgroup(const unsigned char* tile, const uint4* rows,
                                           int groups) {
  float d[64] = {};
  const std::uint64_t at = descriptor(tile);
  std::uint32_t a[tile_steps][4];
  for (int step = 0; step < tile_steps; ++step) load_left(a[step], rows, step);
#pragma unroll 1
  for (int group = 0; group < groups; ++group) {
    wgmma_fence();
#pragma unroll
    for (int i = 0; i < 8; ++i) {
      const int step = i % tile_steps;
      if constexpr (FromRegisters)
        Wgmma<Bf16, 128>::registers(d, a[step], at + 2 * step);
      else
        Wgmma<Bf16, 128>::shared(d, at + 2 * step, at + 2 * step);
    }
    wgmma_commit();
    wgmma_wait<1>();
  }
  wgmma_wait<0>(d);
  float sum = 0;
  for (const float value : d) sum += value;
  return sum;
}

void measure_attention_loop(Report& report);

}  // namespace measured
