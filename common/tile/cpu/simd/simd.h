// The SIMD vector of the CPU backend: one source for AVX-512, AVX2, NEON and plain compilers.
//
// The arithmetic is written with the vector extensions of GCC and Clang, which every one of these
// targets compiles to its own instructions. Intrinsics stand only where no operator says the same.
#pragma once

#include <cstdint>
#include <cstring>
#include <limits>
#include <string_view>
#include <utility>

#if !defined(TILE_SIMD_PORTABLE) && defined(__AVX512F__) && defined(__AVX512DQ__)
#include <immintrin.h>
#define TILE_SIMD_AVX512 1
#endif

// Unrolls the loop that follows; GCC would keep arrays of vectors in memory otherwise.
#if defined(__clang__)
#define TILE_UNROLL _Pragma("clang loop unroll(full)")
#define TILE_UNROLL_BY_4 _Pragma("clang loop unroll_count(4)")
#else
#define TILE_UNROLL _Pragma("GCC unroll 32")
#define TILE_UNROLL_BY_4 _Pragma("GCC unroll 4")
#endif

namespace tile::cpu {

// `vector_block` vectors of rows times `column_block` columns is the register block of a matrix
// product: the most accumulators that the registers hold beside the operands.
#if TILE_SIMD_AVX512
inline constexpr std::string_view simd_name = "AVX-512";
inline constexpr int lanes = 16, vector_block = 4, column_block = 6;  // of 32 registers
#elif !defined(TILE_SIMD_PORTABLE) && defined(__AVX2__) && defined(__FMA__)
inline constexpr std::string_view simd_name = "AVX2";
inline constexpr int lanes = 8, vector_block = 2, column_block = 6;  // of 16 registers
#elif !defined(TILE_SIMD_PORTABLE) && defined(__ARM_NEON)
inline constexpr std::string_view simd_name = "NEON";
inline constexpr int lanes = 4, vector_block = 4, column_block = 6;  // of 32 registers
#else
inline constexpr std::string_view simd_name = "portable";
inline constexpr int lanes = 4, vector_block = 2, column_block = 6;
#endif

// A tile lies in panels of this many rows, those of a register block, each in column order: what a
// product reads of a panel is one run of memory. In columns of all rows it would be every fourth
// line, or one line in eight, and fill as small a part of the first cache's sets.
constexpr int panel_rows(int rows) {
  constexpr int most = vector_block * lanes;
  return rows < most ? rows : most;
}

// Where element (row, col) of a tile with `cols` columns lies.
constexpr int index_in_tile(int rows, int cols, int row, int col) {
  const int panel = panel_rows(rows);
  return row / panel * panel * cols + col * panel + row % panel;
}

using Vec = float __attribute__((vector_size(lanes * 4)));
using VecInt = std::int32_t __attribute__((vector_size(lanes * 4)));

inline Vec broadcast(float x) {
  return x - Vec{};
}

inline Vec load(const float* p) {
  Vec v;
  std::memcpy(&v, p, sizeof v);
  return v;
}

inline void store(float* p, Vec v) {
  std::memcpy(p, &v, sizeof v);
}

inline Vec max(Vec a, Vec b) {
  return a > b ? a : b;
}

// Each x becomes 2^x, for x <= 127, to 2 units in the last place; 2^-inf = 0 and 2^0 = 1 exactly. A
// NaN stays one, and what is less than 2^-126 is 0 or a number below that. Several vectors go side
// by side, as each waits for itself most of the time.
//
// x = n + r with |r| <= 1/2, and 2^r by a polynomial fitted to the least relative error (9e-8).
template <int Count>
inline void exp2(Vec (&x)[Count]) {
  constexpr float coefficients[] = {0x1.3cea88p-7f, 0x1.c6b752p-5f, 0x1.ebf9bcp-3f, 0x1.62e42ap-1f,
                                    1.0f};
  Vec r[Count], p[Count];
#if TILE_SIMD_AVX512
  TILE_UNROLL
  for (int i = 0; i < Count; ++i) {
    r[i] = _mm512_maskz_reduce_ps(0xffff, x[i], 0);  // x - round(x), and 0 for an infinity
    p[i] = broadcast(0x1.5bba14p-10f);
  }
#else
  const Vec smallest = broadcast(-127.0f);
  const Vec shift = broadcast(0x1.8p23f);  // adding it rounds to an integer in the low bits
  Vec shifted[Count];
  TILE_UNROLL
  for (int i = 0; i < Count; ++i) {
    const Vec clamped = x[i] < smallest ? smallest : x[i];
    shifted[i] = clamped + shift;
    r[i] = clamped - (shifted[i] - shift);
    p[i] = broadcast(0x1.5bba14p-10f);
  }
#endif
  TILE_UNROLL
  for (const float coefficient : coefficients) {
    TILE_UNROLL
    for (int i = 0; i < Count; ++i) p[i] = p[i] * r[i] + broadcast(coefficient);
  }
  TILE_UNROLL
  for (int i = 0; i < Count; ++i) {
#if TILE_SIMD_AVX512
    x[i] = _mm512_maskz_scalef_ps(0xffff, p[i], x[i] - r[i]);
#else
    // n added to the exponent. Where x was clamped, p is 1, whose exponent it takes to 0.
    x[i] = (Vec)((VecInt)p[i] + ((VecInt)shifted[i] << 23));
#endif
  }
}

inline Vec exp2(Vec x) {
  Vec one[] = {x};
  exp2(one);
  return one[0];
}

}  // namespace tile::cpu
