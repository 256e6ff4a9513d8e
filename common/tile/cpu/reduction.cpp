#include "tile/cpu/reduction.h"

#include <array>
#include <cstdint>
#include <mutex>

#include "tile/cpu/simd/transpose.h"

namespace tile::cpu {
namespace {

// One of several locks, by address: two threads seldom add to the same rows.
std::mutex& lock_of(const HbmMatrix& hbm, const Overlap& part) {
  static std::array<std::mutex, 64> locks;
  const auto address = reinterpret_cast<std::uintptr_t>(hbm.at(part.row, part.col));
  return locks[address / 64 * 0x9e3779b97f4a7c15u >> 58];
}

}  // namespace

void add_columns(const HbmMatrix& hbm, const Overlap& part, const float* from, int rows, int cols) {
  if (part.rows <= 0 || part.cols <= 0) return;
  alignas(64) float strip[lanes * lanes];
  const std::lock_guard lock(lock_of(hbm, part));
  float* sums[lanes];
  for (int r = 0; r < part.rows; r += lanes) {
    const int height = std::min(lanes, part.rows - r);
    for (int i = 0; i < height; ++i)
      sums[i] = reinterpret_cast<float*>(hbm.at(part.row + r + i, part.col));
    for (int c = 0; c < part.cols; c += lanes) {
      transpose(strip, lanes, from + index_in_tile(rows, cols, r, c), panel_rows(rows));
      const int width = std::min(lanes, part.cols - c);
      for (int i = 0; i < height; ++i) {
        float* const to = sums[i] + c;
        if (width == lanes)
          store(to, load(to) + load(strip + i * lanes));
        else
          for (int j = 0; j < width; ++j) to[j] += strip[i * lanes + j];
      }
    }
  }
}

}  // namespace tile::cpu
