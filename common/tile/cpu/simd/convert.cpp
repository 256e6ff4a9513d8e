#include "tile/cpu/simd/convert.h"

#include <algorithm>

#include "tile/cpu/simd/transpose.h"
#include "tile/cpu/simd/widen.h"

namespace tile::cpu {
namespace {

constexpr int max_cols = 256;

// A tile is transposed in strips of this many rows; one of fewer rows than lanes has half as many.
constexpr int strip_rows(int rows) {
  return std::min(rows, lanes);
}

// One row: `valid` elements, then zeros.
template <class T>
void read_row(float* to, int cols, const T* from, int valid) {
  int c = 0;
  for (; c + 2 * lanes <= valid; c += 2 * lanes) {
    Vec wide[2];
    widen_2_in_units(wide, from + c);
    store(to + c, wide[0] * unit<T>);
    store(to + c + lanes, wide[1] * unit<T>);
  }
  for (; c < valid; ++c) to[c] = to_float(from[c]);
  std::fill(to + valid, to + cols, 0.0f);
}

// x rounded to the type of the second argument.
template <class T>
Vec rounded(Vec x, T) {
  float each[lanes];
  store(each, x);
  for (float& value : each) value = to_float(from_float<T>(value));
  return load(each);
}

Vec rounded(Vec x, float) {
  return x;
}

Vec rounded(Vec x, bf16) {
  using Bits = std::uint32_t __attribute__((vector_size(lanes * 4)));  // a NaN's may overflow
  const auto bits = (Bits)x;
  const Bits nearest = (bits + 0x7fff + ((bits >> 16) & 1)) & 0xffff0000u;
  const Bits nan = (bits | 0x400000) & 0xffff0000u;
  return (Vec)(x == x ? nearest : nan);
}

#if TILE_SIMD_AVX512
Vec rounded(Vec x, f16) {
  return _mm512_cvtph_ps(_mm512_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT));
}
#elif TILE_SIMD_F16C
Vec rounded(Vec x, f16) {
  return _mm256_cvtph_ps(_mm256_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT));
}
#endif

// fp8_code of each lane: fp8.h explains it.
template <int MantissaBits, int Bias, int Largest>
struct Fp8Lanes {
  static constexpr int dropped = 23 - MantissaBits, one = 1 << 23;
  static constexpr int rebias = (127 - Bias) * one, first_normal = rebias + one;
  static constexpr int largest = rebias + (Largest << dropped);

  explicit Fp8Lanes(Vec x) : sign((VecInt)x & ~0x7fffffff), magnitude((VecInt)x & 0x7fffffff) {
    const VecInt limited = magnitude < largest ? magnitude : largest - VecInt{};
    const VecInt own = limited & 0x7f800000;
    exponent = own < first_normal ? first_normal - VecInt{} : own;
    aligner = exponent + dropped * one;
    sum = (Vec)limited + (Vec)aligner;
  }

  Vec rounded() const {
    const auto finite = (VecInt)(sum - (Vec)aligner);
    return (Vec)((magnitude > 0x7f800000 ? 0x7fc00000 - VecInt{} : finite) | sign);
  }
  VecInt codes(int nan) const {
    const VecInt finite = ((exponent - first_normal) >> dropped) + ((VecInt)sum - aligner);
    return (magnitude > 0x7f800000 ? nan - VecInt{} : finite) | (sign >> 24 & 0x80);
  }

  VecInt sign, magnitude, exponent, aligner;
  Vec sum;
};

using Bytes = std::uint8_t __attribute__((vector_size(lanes)));
using E4m3Lanes = Fp8Lanes<3, 7, 0x7e>;
using E5m2Lanes = Fp8Lanes<2, 15, 0x7b>;

Vec rounded(Vec x, e4m3) {
  return E4m3Lanes(x).rounded();
}

Vec rounded(Vec x, e5m2) {
  return E5m2Lanes(x).rounded();
}

VecInt codes(Vec x, e4m3) {
  return E4m3Lanes(x).codes(0x7f);
}

VecInt codes(Vec x, e5m2) {
  return E5m2Lanes(x).codes(0x7e);
}

}  // namespace

void read_rows(float* to, std::ptrdiff_t stride, int cols, const HbmMatrix& hbm,
               const Overlap& part, int rows) {
  const int there = std::min(rows, part.rows);
  with_type(hbm.dtype, [&](auto type) {
    std::int64_t in_page = part.row % hbm.page_rows, page = part.row / hbm.page_rows;
    for (int r = 0; r < there; ++page, in_page = 0) {
      const auto* from = reinterpret_cast<const decltype(type)*>(hbm.page(page)) +
                         in_page * hbm.row_stride + part.col;
      const auto count =
          static_cast<int>(std::min<std::int64_t>(there - r, hbm.page_rows - in_page));
      for (int i = 0; i < count; ++i, ++r) {
        read_row(to + r * stride, cols, from, part.cols);
        from += hbm.row_stride;
      }
    }
  });
  for (int r = std::max(there, 0); r < rows; ++r) std::fill_n(to + r * stride, cols, 0.0f);
}

void read_columns(float* to, int rows, int cols, const HbmMatrix& hbm, const Overlap& part) {
  const int height = strip_rows(rows), panel = panel_rows(rows);
  alignas(64) float strip[lanes * max_cols];
  for (int r = 0; r < rows; r += height) {
    read_rows(strip, cols, cols, hbm, {part.row + r, part.col, part.rows - r, part.cols}, height);
    for (int c = 0; c < cols; c += lanes)
      rows_to_columns(to + index_in_tile(rows, cols, r, c), panel, strip + c, cols);
  }
}

void read_transposed(float* to, int rows, int cols, const HbmMatrix& hbm, const Overlap& part) {
  const int panel = panel_rows(rows);
  for (int c = 0; c < cols; ++c)
    for (int r = 0; r < rows; r += panel)
      read_rows(to + index_in_tile(rows, cols, r, c), panel, panel, hbm,
                {part.row + c, part.col + r, part.rows - c, std::clamp(part.cols - r, 0, panel)},
                1);
}

void write_columns(const HbmMatrix& hbm, const Overlap& part, const float* from, int rows,
                   int cols) {
  const int height = strip_rows(rows), panel = panel_rows(rows);
  alignas(64) float strip[lanes * max_cols];
  for (int r = 0; r < part.rows; r += height) {
    for (int c = 0; c < part.cols; c += lanes)
      columns_to_rows(strip + c, max_cols, from + index_in_tile(rows, cols, r, c), panel);
    for (int i = 0; i < std::min(height, part.rows - r); ++i)
      narrow(hbm.at(part.row + r + i, part.col), hbm.dtype, strip + i * max_cols, part.cols);
  }
}

void write_transposed(const HbmMatrix& hbm, const Overlap& part, const float* from, int rows,
                      int cols) {
  const int panel = panel_rows(rows);
  for (int c = 0; c < part.rows; ++c)
    for (int r = 0; r < part.cols; r += panel)
      narrow(hbm.at(part.row + c, part.col + r), hbm.dtype, from + index_in_tile(rows, cols, r, c),
             std::min(panel, part.cols - r));
}

void narrow(std::byte* to, DType dtype, const float* from, std::int64_t count) {
  with_type(dtype, [&](auto type) {
    auto* elements = reinterpret_cast<decltype(type)*>(to);
    std::int64_t i = 0;
    if constexpr (sizeof(type) == 1) {
      for (; i + lanes <= count; i += lanes) {
        const auto bytes = __builtin_convertvector(codes(load(from + i), type), Bytes);
        std::memcpy(elements + i, &bytes, sizeof bytes);
      }
    }
    for (; i < count; ++i) elements[i] = from_float<decltype(type)>(from[i]);
  });
}

void round_to(float* to, DType dtype, const float* from, float factor, std::int64_t count) {
  const std::int64_t whole = count / lanes * lanes;
  with_type(dtype, [&](auto type) {
    for (std::int64_t i = 0; i < whole; i += lanes)
      store(to + i, rounded(load(from + i) * factor, type));
    for (std::int64_t i = whole; i < count; ++i)
      to[i] = to_float(from_float<decltype(type)>(from[i] * factor));
  });
}

}  // namespace tile::cpu
