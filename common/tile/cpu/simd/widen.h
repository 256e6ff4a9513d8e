// From the types of HBM to the fp32 of the chip.
#pragma once

#include <cstring>
#include <type_traits>

#include "tile/cpu/simd/simd.h"
#include "tile/dtype.h"

#if !defined(TILE_SIMD_PORTABLE) && defined(__AVX2__) && defined(__F16C__)
#include <immintrin.h>
#define TILE_SIMD_F16C 1
#elif !defined(TILE_SIMD_PORTABLE) && defined(__aarch64__)
#include <arm_neon.h>
#define TILE_SIMD_NEON 1
#endif

namespace tile::cpu {

// The next `lanes` elements. Any bits are read right, as one conversion is told by to_float.
inline Vec widen(const float* from) {
  return load(from);
}

template <class T>
inline Vec widen_each(const T* from) {
  float wide[lanes];
  for (int i = 0; i < lanes; ++i) wide[i] = to_float(from[i]);
  return load(wide);
}

// `lanes` narrow integers in lanes of 32 bits. GCC 12 would take them apart one by one.
inline VecInt integers(const std::uint16_t* from) {
#if TILE_SIMD_AVX512
  return (VecInt)_mm512_maskz_cvtepu16_epi32(
      0xffff, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
#elif TILE_SIMD_F16C
  return (VecInt)_mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
#elif TILE_SIMD_NEON
  return (VecInt)vmovl_u16(vld1_u16(from));
#else
  std::uint16_t narrow __attribute__((vector_size(lanes * 2)));
  std::memcpy(&narrow, from, sizeof narrow);
  return __builtin_convertvector(narrow, VecInt);
#endif
}

inline Vec widen(const bf16* from) {
  return (Vec)(integers(&from->bits) << 16);
}

inline Vec widen(const f16* from) {
#if TILE_SIMD_AVX512
  return _mm512_maskz_cvtph_ps(0xffff, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
#elif TILE_SIMD_F16C
  return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
#elif TILE_SIMD_NEON
  return (Vec)vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(&from->bits)));
#else
  return widen_each(from);
#endif
}

// fp8.h explains the formats. Sign and magnitude move to their places in f16, whose exponent is
// then 8 too small: the result is 2^-8 of the number, subnormal or not, which f16 converts without
// the penalty that subnormal fp32 has on Zen 5.
inline constexpr float unit_of_e4m3 = 0x1p8f;

#if TILE_SIMD_AVX512 || TILE_SIMD_F16C || TILE_SIMD_NEON

// The f16 numbers of codes that stand in 16 bits each, sign extended.
template <class Codes>
inline Codes f16_of_e4m3(Codes codes) {
  const Codes bits = (codes << 7) & static_cast<short>(0xbf80);
  // 0x3f80, the largest magnitude, is the only one that 0x80 more carries into the exponent's top.
  return bits | ((bits + 0x80) & 0x4000);
}

using Shorts = short __attribute__((vector_size(lanes * 2)));
using TwiceShorts = short __attribute__((vector_size(lanes * 4)));

#endif

inline void widen_2_in_units(Vec (&to)[2], const e4m3* from) {
#if TILE_SIMD_AVX512
  const auto f16_bits = (__m512i)f16_of_e4m3((TwiceShorts)_mm512_maskz_cvtepi8_epi16(
      0xffffffff, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from))));
  to[0] = _mm512_maskz_cvtph_ps(0xffff, _mm512_castsi512_si256(f16_bits));
  to[1] = _mm512_maskz_cvtph_ps(0xffff, _mm512_maskz_extracti64x4_epi64(0xff, f16_bits, 1));
#elif TILE_SIMD_F16C
  const auto f16_bits = (__m256i)f16_of_e4m3(
      (TwiceShorts)_mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from))));
  to[0] = _mm256_cvtph_ps(_mm256_castsi256_si128(f16_bits));
  to[1] = _mm256_cvtph_ps(_mm256_extracti128_si256(f16_bits, 1));
#elif TILE_SIMD_NEON
  const auto codes = vmovl_s8(vld1_s8(reinterpret_cast<const std::int8_t*>(from)));
  const auto f16_bits = (float16x8_t)f16_of_e4m3((TwiceShorts)codes);
  to[0] = (Vec)vcvt_f32_f16(vget_low_f16(f16_bits));
  to[1] = (Vec)vcvt_high_f32_f16(f16_bits);
#else
  for (int i = 0; i < 2 * lanes; ++i) to[i / lanes][i % lanes] = to_float(from[i]) / unit_of_e4m3;
#endif
}

inline Vec widen_in_units(const e4m3* from) {
#if TILE_SIMD_F16C && !TILE_SIMD_AVX512
  const auto codes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(from));
  return _mm256_cvtph_ps((__m128i)f16_of_e4m3((Shorts)_mm_cvtepi8_epi16(codes)));
#elif TILE_SIMD_NEON
  std::uint32_t codes;
  std::memcpy(&codes, from, sizeof codes);
  const auto wide = vget_low_s16(vmovl_s8((int8x8_t)vdup_n_u32(codes)));
  return (Vec)vcvt_f32_f16((float16x4_t)f16_of_e4m3((Shorts)wide));
#else
  return widen_each(from) * (1 / unit_of_e4m3);
#endif
}

inline Vec widen(const e5m2* from) {
  return widen_each(from);
}

// The next 1 or 2 vectors, in units of 1 or whatever the type has.
template <class T>
inline constexpr float unit = std::is_same_v<T, e4m3> ? unit_of_e4m3 : 1;

template <class T>
inline Vec widen_in_units(const T* from) {
  return widen(from);
}

template <class T>
inline void widen_2_in_units(Vec (&to)[2], const T* from) {
  to[0] = widen(from);
  to[1] = widen(from + lanes);
}

}  // namespace tile::cpu
