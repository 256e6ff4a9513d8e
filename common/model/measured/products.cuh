// A kernel of nothing but WGMMA, its operands, and what it must compute.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_fp8.h>

#include <random>

#include "measure.cuh"
#include "wgmma.cuh"

namespace measured {

// Rows of A per warpgroup and rows of B are 128 bytes: four instructions along K.
inline constexpr int tile_steps = 4;
inline constexpr int right_rows = 256;
inline constexpr int products_shared_bytes = (right_rows + 2 * 64) * 128 + 1024;

inline float decode(Bf16, const unsigned char* bytes) {
  return __bfloat162float(*reinterpret_cast<const __nv_bfloat16*>(bytes));
}
inline float decode(F16, const unsigned char* bytes) {
  return __half2float(*reinterpret_cast<const __half*>(bytes));
}
inline float decode(E4m3, const unsigned char* bytes) {
  return static_cast<float>(*reinterpret_cast<const __nv_fp8_e4m3*>(bytes));
}
inline void encode(Bf16, unsigned char* bytes, float value) {
  *reinterpret_cast<__nv_bfloat16*>(bytes) = __float2bfloat16(value);
}
inline void encode(F16, unsigned char* bytes, float value) {
  *reinterpret_cast<__half*>(bytes) = __float2half(value);
}
inline void encode(E4m3, unsigned char* bytes, float value) {
  *reinterpret_cast<__nv_fp8_e4m3*>(bytes) = __nv_fp8_e4m3(value);
}

using Draw = float (*)(std::mt19937&);
inline float small_integers(std::mt19937& random) {
  return static_cast<int>(random() % 7) - 3.0f;
}
inline float normal(std::mt19937& random) {
  return std::normal_distribution<float>()(random);
}
inline float zeros(std::mt19937&) {
  return 0;
}

// A of two warpgroups, [2][64][128 bytes], and B, [256][128 bytes].
template <class Type>
struct Operands {
  static constexpr int columns = tile_steps * Type::inner, element_bytes = 32 / Type::inner;

  explicit Operands(Draw draw)
      : left_bytes(make(2 * 64, draw, 1)),
        right_bytes(make(right_rows, draw, 2)),
        left(as_vectors(left_bytes)),
        right(as_vectors(right_bytes)) {}

  // After the first `steps` steps along K have been multiplied so often.
  float expected(int warpgroup, int row, int column, int steps, int times) const {
    float sum = 0;
    for (int k = 0; k < steps * Type::inner; ++k)
      sum += decode(Type(), &left_bytes[(warpgroup * 64 + row) * 128 + k * element_bytes]) *
             decode(Type(), &right_bytes[column * 128 + k * element_bytes]);
    return sum * static_cast<float>(times);
  }

  std::vector<unsigned char> left_bytes, right_bytes;
  Buffer<uint4> left, right;

 private:
  static std::vector<unsigned char> make(int rows, Draw draw, unsigned seed) {
    std::mt19937 random(seed);
    std::vector<unsigned char> bytes(rows * 128);
    for (std::size_t at = 0; at < bytes.size(); at += element_bytes)
      encode(Type(), &bytes[at], draw(random));
    return bytes;
  }
  static std::vector<uint4> as_vectors(const std::vector<unsigned char>& bytes) {
    const auto* vectors = reinterpret_cast<const uint4*>(bytes.data());
    return {vectors, vectors + bytes.size() / sizeof(uint4)};
  }
};

// How many of the first N columns differ after that. Small integers make every sum exact.
template <int N, class Type>
int wrong_elements(const Operands<Type>& operands, const std::vector<float>& found, int warpgroups,
                   int steps, int times) {
  int wrong = 0;
  for (int row = 0; row < 64 * warpgroups; ++row)
    for (int column = 0; column < N; ++column)
      wrong +=
          !(found[row * N + column] == operands.expected(row / 64, row % 64, column, steps, times));
  return wrong;
}

// Each warpgroup issues `groups` groups of `Group` instructions; a group is committed, and the one
// before it waited for. A group of one is waited for itself: that is the latency.
template <class Type, int N, bool FromRegisters, int Group>
__global__ void __launch_bounds__(256, 1)
    products(const uint4* left, const uint4* right, float* out, Window* windows, int groups) {
  extern __shared__ unsigned char memory[];
  unsigned char* tile_right = memory + (1024 - __cvta_generic_to_shared(memory) % 1024) % 1024;
  unsigned char* tiles_left = tile_right + right_rows * 128;
  copy_swizzled(tile_right, right, right_rows);
  copy_swizzled(tiles_left, left, blockDim.x / 128 * 64);
  fence_shared_memory();
  __syncthreads();

  const int warpgroup = threadIdx.x / 128;
  std::uint32_t a[tile_steps][4];
  for (int step = 0; step < tile_steps; ++step) load_left(a[step], left + warpgroup * 64 * 8, step);
  const std::uint64_t left_at = descriptor(tiles_left + warpgroup * 64 * 128);
  const std::uint64_t right_at = descriptor(tile_right);
  float d[N / 2] = {};

  __syncthreads();
  const Stopwatch watch;
#pragma unroll 1
  for (int group = 0; group < groups; ++group) {
    wgmma_fence();
#pragma unroll
    for (int i = 0; i < Group; ++i) {
      const int step = Group == 1 ? 0 : i % tile_steps;
      if constexpr (FromRegisters)
        Wgmma<Type, N>::registers(d, a[step], right_at + 2 * step);
      else
        Wgmma<Type, N>::shared(d, left_at + 2 * step, right_at + 2 * step);
    }
    wgmma_commit();
    wgmma_wait<Group == 1 ? 0 : 1>();
  }
  wgmma_wait<0>(d);
  __syncthreads();
  if (threadIdx.x == 0) windows[blockIdx.x] = watch.read();

  const int row = threadIdx.x / 32 * 16 + threadIdx.x % 32 / 4;
  for (int i = 0; i < N / 2; ++i)
    out[(row + i / 2 % 2 * 8) * N + i / 4 * 8 + threadIdx.x % 4 * 2 + i % 2] = d[i];
}

}  // namespace measured
