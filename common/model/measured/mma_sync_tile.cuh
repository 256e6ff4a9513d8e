// mma.sync as FlashAttention-2 uses it: a tile of Q for four warps, 16 R rows each; operands come
// from shared memory by ldmatrix, P stays in registers.
#pragma once

#include <bit>
#include <memory>
#include <random>

#include "softmax.cuh"

namespace measured {

inline constexpr int warps_per_block = 4;

__device__ inline void multiply(float (&d)[4], const std::uint32_t (&a)[4], std::uint32_t b0,
                                std::uint32_t b1) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
      "{%8, %9}, {%0, %1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

// 16 rows of 16 columns, from `address` of this lane's row.
__device__ inline void load_fragment(std::uint32_t (&r)[4], std::uint32_t address) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(address));
}
__device__ inline void load_transposed(std::uint32_t (&r)[4], std::uint32_t address) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(address));
}

// Rows of 64 elements, 128 bytes; pieces of 16 bytes are permuted by the row's low bits, so that
// eight rows are in different banks. Wider tiles are several of these beside one another.
__device__ inline std::uint32_t swizzled(int rows, int row, int column) {
  const int panel = column / 64, piece = column % 64 / 8;
  return (panel * rows + row) * 128 + (piece ^ (row % 8)) * 16;
}

template <int HeadDim, int Keys, int R>
struct Shape {
  static constexpr int head_dim = HeadDim, keys = Keys, r = R;
  static constexpr int queries = warps_per_block * 16 * R;
  static constexpr int block_bytes = 2 * HeadDim * (queries + 2 * Keys);
  static constexpr double operations = 4.0 * queries * Keys * HeadDim;
};

// The tile [rows][HeadDim] of shared memory; element (row, column) is what `values` has there.
template <int HeadDim>
__device__ void fill(unsigned char* tile, const std::uint16_t* values, int rows) {
  for (int i = threadIdx.x % 128; i < rows * HeadDim; i += 128) {
    const int row = i / HeadDim, column = i % HeadDim;
    *reinterpret_cast<std::uint16_t*>(tile + swizzled(rows, row, column) + column % 8 * 2) =
        values[i];
  }
}

// Q, K and V of a group of four warps in shared memory. Each group has tiles of its own, as blocks
// that share an SM do.
template <class S>
struct SharedTiles {
  std::uint32_t q, k, v;

  // `values` are those of Q, K and V.
  __device__ SharedTiles(unsigned char* memory, const std::uint16_t* values) {
    unsigned char* tile = memory + threadIdx.x / 128 * S::block_bytes;
    q = place(tile, values, S::queries);
    k = place(tile, values, S::keys);
    v = place(tile, values, S::keys);
  }

  static __device__ std::uint32_t place(unsigned char*& tile, const std::uint16_t*& values,
                                        int rows) {
    fill<S::head_dim>(tile, values, rows);
    const auto address = static_cast<std::uint32_t>(__cvta_generic_to_shared(tile));
    tile += 2 * rows * S::head_dim;
    values += rows * S::head_dim;
    return address;
  }
};

template <class S>
using Scores = float[S::r][S::keys / 2];  // of a thread: two rows of each tile of 16 rows
template <class S>
using Output = float[S::r][S::head_dim / 2];

__device__ inline float (&accumulator(float* values, int n))[4] {
  return *reinterpret_cast<float(*)[4]>(values + n / 2);
}

// S += Q K^T.
template <class S>
__device__ void multiply_qk(Scores<S>& s, const SharedTiles<S>& tiles) {
  const int warp = threadIdx.x % 128 / 32, lane = threadIdx.x % 32;
#pragma unroll
  for (int step = 0; step < S::head_dim / 16; ++step) {
    std::uint32_t left[S::r][4];
#pragma unroll
    for (int r = 0; r < S::r; ++r)
      load_fragment(left[r], tiles.q + swizzled(S::queries, (warp * S::r + r) * 16 + lane % 16,
                                                step * 16 + lane / 16 * 8));
#pragma unroll
    for (int n = 0; n < S::keys; n += 16) {
      std::uint32_t right[4];
      load_fragment(right, tiles.k + swizzled(S::keys, n + lane % 8 + lane / 16 * 8,
                                              step * 16 + lane / 8 % 2 * 8));
#pragma unroll
      for (int r = 0; r < S::r; ++r) {
        multiply(accumulator(s[r], n), left[r], right[0], right[1]);
        multiply(accumulator(s[r], n + 8), left[r], right[2], right[3]);
      }
    }
  }
}

// O += P V; `p(r, step)` is P's operand of 16 rows and 16 keys.
template <class S, class P>
__device__ void multiply_pv(Output<S>& o, const P& p, const SharedTiles<S>& tiles) {
  const int lane = threadIdx.x % 32;
#pragma unroll
  for (int step = 0; step < S::keys / 16; ++step) {
#pragma unroll
    for (int n = 0; n < S::head_dim; n += 16) {
      std::uint32_t right[4];
      load_transposed(right, tiles.v + swizzled(S::keys, step * 16 + lane % 16, n + lane / 16 * 8));
#pragma unroll
      for (int r = 0; r < S::r; ++r) {
        multiply(accumulator(o[r], n), p(r, step), right[0], right[1]);
        multiply(accumulator(o[r], n + 8), p(r, step), right[2], right[3]);
      }
    }
  }
}

// Of the first group's rows, [queries][Columns]; `scale` is asked for each of a thread's rows.
template <class S, int Columns, class Scale>
__device__ void write_rows(float* out, const float (&values)[S::r][Columns / 2],
                           const Scale& scale) {
  if (threadIdx.x >= 128) return;
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
#pragma unroll
  for (int r = 0; r < S::r; ++r)
#pragma unroll
    for (int i = 0; i < Columns / 2; ++i) {
      const int row = (warp * S::r + r) * 16 + lane / 4 + row_of(i) * 8;
      out[row * Columns + i / 4 * 8 + lane % 4 * 2 + i % 2] = values[r][i] * scale(r, row_of(i));
    }
}

inline std::uint16_t bf16_of(float value) {
  return static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(value) >> 16);
}

// Small integers, so that the sums of one round are exact.
template <class S>
struct TileValues {
  TileValues() : floats((S::queries + 2 * S::keys) * S::head_dim) {
    std::mt19937 random(1);
    for (float& value : floats) value = static_cast<float>(static_cast<int>(random() % 7) - 3);
    std::vector<std::uint16_t> bits;
    for (const float value : floats) bits.push_back(bf16_of(value));
    values = std::make_unique<Buffer<std::uint16_t>>(bits);
  }
  int wrong_scores(const std::vector<float>& scores) const {
    int wrong = 0;
    for (int i = 0; i < S::queries; ++i)
      for (int j = 0; j < S::keys; ++j) {
        float sum = 0;
        for (int c = 0; c < S::head_dim; ++c)
          sum += floats[i * S::head_dim + c] * floats[(S::queries + j) * S::head_dim + c];
        wrong += !(scores[i * S::keys + j] == sum);
      }
    return wrong;
  }
  int wrong_output(const std::vector<float>& output) const {
    int wrong = 0;
    for (int c = 0; c < S::head_dim; ++c) {
      float sum = 0;
      for (int j = 0; j < S::keys; ++j) sum += floats[(S::queries + S::keys + j) * S::head_dim + c];
      for (int i = 0; i < S::queries; ++i) wrong += !(output[i * S::head_dim + c] == sum);
    }
    return wrong;
  }
  int wrong_attention(const std::vector<float>& output) const {
    const float* const keys = floats.data() + S::queries * S::head_dim;
    const float* const values = keys + S::keys * S::head_dim;
    int wrong = 0;
    for (int i = 0; i < S::queries; ++i) {
      std::vector<double> row(S::head_dim), weights(S::keys);
      double sum = 0, largest = -1e30;
      for (int j = 0; j < S::keys; ++j) {
        for (int c = 0; c < S::head_dim; ++c)
          weights[j] += floats[i * S::head_dim + c] * keys[j * S::head_dim + c];
        largest = std::max(largest, weights[j]);
      }
      for (int j = 0; j < S::keys; ++j) {
        weights[j] = std::exp2((weights[j] - largest) * exponent_scale);
        sum += weights[j];
        for (int c = 0; c < S::head_dim; ++c) row[c] += weights[j] * values[j * S::head_dim + c];
      }
      for (int c = 0; c < S::head_dim; ++c)
        wrong += !(std::abs(output[i * S::head_dim + c] - row[c] / sum) <= 0.03);
    }
    return wrong;
  }

  std::vector<float> floats;
  std::unique_ptr<Buffer<std::uint16_t>> values;
};

}  // namespace measured
