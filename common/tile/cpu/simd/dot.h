// The hardware's dot product of bf16 numbers: two products and two sums a lane, in fp32.
#pragma once

#include <array>
#include <bit>
#include <type_traits>

#include "tile/cpu/simd/transpose.h"
#include "tile/dtype.h"

#if TILE_SIMD_AVX512 && defined(__AVX512BF16__) && defined(__AVX512VBMI__)
#define TILE_SIMD_BF16_DOT 1
#else
#define TILE_SIMD_BF16_DOT 0
#endif

namespace tile::cpu {

// Whether elements of this type can be operands; E4M3 is exact in bf16.
template <class T>
inline constexpr bool has_bf16_dot = TILE_SIMD_BF16_DOT &&
                                     (std::is_same_v<T, bf16> || std::is_same_v<T, e4m3>);

// Whether the dot product of bf16 numbers does more than FMA. On Granite Rapids it does half as
// much.
#if TILE_SIMD_BF16_DOT
inline const bool dot_is_faster = !__builtin_cpu_is("intel");
#else
inline constexpr bool dot_is_faster = false;
#endif

// A dot product takes this many elements in two vectors.
inline constexpr int dot_elements = 4 * lanes;

// to = from as bf16. False if one of them is not a bf16 number.
inline bool to_bf16(std::uint16_t* to, const float* from, int count) {
  std::uint32_t lost = 0;
  for (int i = 0; i < count; ++i) {
    const auto bits = std::bit_cast<std::uint32_t>(from[i]);
    to[i] = static_cast<std::uint16_t>(bits >> 16);
    lost |= bits & 0xffffu;
  }
  return lost == 0;
}

// The elements of each row in pairs: those of columns t and t + 1 of row r at to[t / 2 * Rows + r].
// False if one of them is not a bf16 number.
template <int Rows>
inline bool to_bf16_pairs(std::uint32_t* to, const float* columns, int depth) {
  static_assert(2 * Rows == lanes);
  constexpr auto order = std::make_integer_sequence<int, lanes>();
  VecInt lost = {};
  for (int i = 0; i < Rows * depth; i += 2 * lanes, to += lanes) {
    const Vec a = load(columns + i), b = load(columns + i + lanes);
    const auto first = (VecInt)join_halves<0>(a, b, order);
    const auto second = (VecInt)join_halves<1>(a, b, order);
    const VecInt pairs = ((first >> 16) & 0xffff) | (second & ~0xffff);
    lost |= (first | second) & 0xffff;
    std::memcpy(to, &pairs, sizeof pairs);
  }
  std::int32_t any = 0;
  for (int i = 0; i < lanes; ++i) any |= lost[i];
  return any == 0;
}

#if TILE_SIMD_BF16_DOT

using Bf16Vec = __m512i;

inline Bf16Vec load_bf16(const void* from) {
  return _mm512_loadu_si512(from);
}

inline Bf16Vec broadcast_pair(std::uint32_t pair) {
  return _mm512_set1_epi32(static_cast<std::int32_t>(pair));
}

inline Vec dot(Vec sum, Bf16Vec a, Bf16Vec b) {
  return _mm512_dpbf16_ps(sum, (__m512bh)a, (__m512bh)b);
}

inline void load_dot_elements(Bf16Vec (&to)[2], const bf16* from) {
  for (int i = 0; i < 2; ++i) to[i] = load_bf16(from + i * 2 * lanes);
}

// One byte of the bf16 number that each magnitude is.
template <int Byte>
inline constexpr auto bytes_of_e4m3 = [] {
  std::array<std::uint8_t, 128> table{};
  for (int code = 0; code < 128; ++code) {
    const float x = to_float(e4m3{static_cast<std::uint8_t>(code)});
    table[code] = static_cast<std::uint8_t>(std::bit_cast<std::uint32_t>(x) >> (16 + 8 * Byte));
  }
  return table;
}();

template <int Byte>
inline __m512i look_up_byte(__m512i codes) {
  const std::uint8_t* table = bytes_of_e4m3<Byte>.data();
  return _mm512_permutex2var_epi8(_mm512_loadu_si512(table), codes, _mm512_loadu_si512(table + 64));
}

// 64 codes at once: each byte of the results by a look-up, NaN and subnormal numbers included.
// Results are the codes of the lower halves of all 128-bit lanes, then those of the upper ones.
inline void convert_e4m3(Bf16Vec (&to)[2], __m512i codes) {
  const __m512i low = look_up_byte<0>(codes);
  const __m512i sign = codes & _mm512_set1_epi8(static_cast<char>(0x80));
  const __m512i high = look_up_byte<1>(codes) | sign;
  to[0] = _mm512_unpacklo_epi8(low, high);
  to[1] = _mm512_unpackhi_epi8(low, high);
}

inline void load_dot_elements(Bf16Vec (&to)[2], const e4m3* from) {
  const __m512i halves = _mm512_setr_epi64(0, 4, 1, 5, 2, 6, 3, 7);
  convert_e4m3(to, _mm512_maskz_permutexvar_epi64(0xff, halves, _mm512_loadu_si512(from)));
}

// The next 2 * lanes elements of two rows, each beside the other row's.
inline void load_pairs(Bf16Vec (&to)[2], const bf16* first, const bf16* second) {
  static constexpr auto order = [] {
    std::array<std::uint16_t, 4 * lanes> index{};
    for (int i = 0; i < 4 * lanes; ++i)
      index[i] = static_cast<std::uint16_t>(i / 2 + i % 2 * 2 * lanes);
    return index;
  }();
  const __m512i a = load_bf16(first), b = load_bf16(second);
  for (int i = 0; i < 2; ++i)
    to[i] = _mm512_permutex2var_epi16(a, load_bf16(order.data() + i * 2 * lanes), b);
}

inline void load_pairs(Bf16Vec (&to)[2], const e4m3* first, const e4m3* second) {
  static constexpr auto order = [] {
    std::array<std::uint8_t, 64> index{};
    for (int i = 0; i < 64; ++i) {
      const int column = i / 16 * 4 + i % 8 / 2 + i % 16 / 8 * 16;
      index[i] = static_cast<std::uint8_t>(column + i % 2 * 32);
    }
    return index;
  }();
  const auto half = [](const e4m3* from) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
  };
  const __m512i both =
      _mm512_maskz_inserti64x4(0xff, _mm512_castsi256_si512(half(first)), half(second), 1);
  convert_e4m3(to, _mm512_permutexvar_epi8(_mm512_loadu_si512(order.data()), both));
}

#endif

// Each element of `first` and of `second`, both rounded to bf16, as a pair. Subnormal numbers
// become 0 in the hardware's conversion, which they are to its dot product.
inline Vec rounded_pairs(Vec first, Vec second) {
#if TILE_SIMD_BF16_DOT
  static constexpr auto order = [] {
    std::array<std::uint16_t, 2 * lanes> index{};
    for (int i = 0; i < 2 * lanes; ++i)
      index[i] = static_cast<std::uint16_t>(i / 2 + i % 2 * lanes);
    return index;
  }();
  const auto both = (__m512i)_mm512_cvtne2ps_pbh((__m512)second, (__m512)first);
  return (Vec)_mm512_maskz_permutexvar_epi16(0xffffffff, load_bf16(order.data()), both);
#else
  VecInt pairs;
  for (int i = 0; i < lanes; ++i)
    pairs[i] = from_float<bf16>(first[i]).bits | from_float<bf16>(second[i]).bits << 16;
  return (Vec)pairs;
#endif
}

}  // namespace tile::cpu
