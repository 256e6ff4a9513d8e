#include "tile/cpu/simd/pairs.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "tile/cpu/simd/dot.h"
#include "tile/cpu/simd/few_row_products.h"

namespace tile::cpu {
namespace {

constexpr int max_tile = 256;  // rows and columns

// Whether every number of the type is a bf16 number.
constexpr bool is_in_bf16(DType dtype) {
  return dtype == DType::bf16 || dtype == DType::e4m3 || dtype == DType::e5m2;
}

VecInt load_bits(const float* from) {
  return (VecInt)load(from);
}

void store_bits(float* to, VecInt bits) {
  store(to, (Vec)bits);
}

bool are_bf16(const float* tile, int count) {
  VecInt lost = {};
  for (int i = 0; i < count; i += lanes) lost |= load_bits(tile + i);
  std::int32_t any = 0;
  for (int i = 0; i < lanes; ++i) any |= lost[i];
  return (any & 0xffff) == 0;
}

// Rows as bf16 numbers; past the part's end, a row of zeros. A row that ends before `cols`, or is
// in FP8, is copied for it.
class PaddedRows {
 public:
  PaddedRows(int cols, const HbmMatrix& hbm, const Overlap& part)
      : cols_(cols), hbm_(hbm), part_(part) {
    const int there = std::clamp(part.rows, 0, max_tile);
    if (there > 0) find_rows(row_, there, hbm, part.row);
    std::fill(row_ + there, row_ + max_tile, nullptr);
  }

  // Valid until two rows further.
  const bf16* operator[](int r) {
    if (hbm_.dtype != DType::bf16) return converted(r);
    if (row_[r] && part_.cols == cols_) return reinterpret_cast<const bf16*>(row_[r]) + part_.col;
    bf16* const copy = copy_[r % 2];
    const int valid = row_[r] ? part_.cols : 0;
    if (valid > 0) std::copy_n(reinterpret_cast<const bf16*>(row_[r]) + part_.col, valid, copy);
    std::fill(copy + valid, copy + cols_, bf16{0});
    return copy;
  }

 private:
  // Every FP8 number is a bf16 number, and that is half of an fp32 number.
  const bf16* converted(int r) {
    const Overlap row = {part_.row + r, part_.col, std::clamp(part_.rows - r, 0, 1), part_.cols};
    read_rows(fp32_, cols_, cols_, hbm_, row, 1);
    bf16* const copy = copy_[r % 2];
    for (int c = 0; c < cols_; ++c)
      copy[c] = {static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(fp32_[c]) >> 16)};
    return copy;
  }

  int cols_;
  const HbmMatrix& hbm_;
  Overlap part_;
  alignas(64) float fp32_[max_tile];
  const std::byte* row_[max_tile];
  alignas(64) bf16 copy_[2][max_tile];
};

// The elements of two rows in turn.
void interleave(float* to, const bf16* first, const bf16* second, int cols) {
#if TILE_SIMD_BF16_DOT
  for (int c = 0; c < cols; c += 2 * lanes) {
    Bf16Vec pairs[2];
    load_pairs(pairs, first + c, second + c);
    for (int i = 0; i < 2; ++i) store(to + c + i * lanes, (Vec)pairs[i]);
  }
#else
  for (int c = 0; c < cols; ++c) {
    const bf16 pair[] = {first[c], second[c]};
    std::memcpy(to + c, pair, sizeof pair);
  }
#endif
}

}  // namespace

bool takes_pairs(DType left, DType right) {
  return dot_is_faster && is_in_bf16(left) && is_in_bf16(right);
}

bool to_pairs(float* tile, int rows, int cols) {
  if (!are_bf16(tile, rows * cols)) return false;
  const int panel = panel_rows(rows);
  for (int i = 0; i < rows * cols; i += 2 * panel)
    for (int r = 0; r < panel; r += lanes) {
      const VecInt first = load_bits(tile + i + r), second = load_bits(tile + i + panel + r);
      store_bits(tile + i / 2 + r, ((first >> 16) & 0xffff) | second);
    }
  return true;
}

void from_pairs(float* tile, int rows, int cols) {
  const int panel = panel_rows(rows);
  for (int i = rows * cols - 2 * panel; i >= 0; i -= 2 * panel)  // backwards: it grows
    for (int r = 0; r < panel; r += lanes) {
      const VecInt pairs = load_bits(tile + i / 2 + r);
      store_bits(tile + i + r, pairs << 16);
      store_bits(tile + i + panel + r, pairs & ~0xffff);
    }
}

void round_to_pairs(float* to, const float* from, float factor, int rows, int cols) {
  const int panel = panel_rows(rows);
  for (int i = 0; i < rows * cols; i += 2 * panel)
    for (int r = 0; r < panel; r += lanes) {
      const Vec first = load(from + i + r), second = load(from + i + panel + r);
      store(to + i / 2 + r, rounded_pairs(first * factor, second * factor));
    }
}

RightPairs pairs_in_rows(const HbmMatrix& hbm, const Overlap& part) {
  const auto* first = reinterpret_cast<const std::uint16_t*>(hbm.at(part.row, part.col));
  return {.data = first, .column = hbm.row_stride, .term = 2};
}

RightPairs copy_pairs_in_rows(float* to, std::ptrdiff_t stride, int rows, int cols,
                              const HbmMatrix& hbm, const Overlap& part) {
  PaddedRows from(cols, hbm, part);
  for (int r = 0; r < rows; ++r) std::memcpy(to + r * stride, from[r], cols * sizeof(bf16));
  return {.data = reinterpret_cast<std::uint16_t*>(to), .column = 2 * stride, .term = 2};
}

RightPairs copy_pairs_of_rows(float* to, std::ptrdiff_t stride, int rows, int cols,
                              const HbmMatrix& hbm, const Overlap& part) {
  PaddedRows from(cols, hbm, part);
  for (int r = 0; r < rows; r += 2) interleave(to + r / 2 * stride, from[r], from[r + 1], cols);
  return {.data = reinterpret_cast<std::uint16_t*>(to), .column = 2, .term = 2 * stride};
}

}  // namespace tile::cpu
