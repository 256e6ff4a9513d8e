// A number for each row of a tile, for the lanes of every vector of it.
#pragma once

#include <algorithm>
#include <functional>

#include "tile/cpu/simd/simd.h"

namespace tile::cpu {

inline constexpr int max_rows = 128;

// After this many elements of a tile the rows begin again at a vector's first lane. A tile of fewer
// rows than lanes has several columns in each vector.
constexpr int lane_period(int rows) {
  return std::max(rows, lanes);
}

struct RowBroadcast {
  template <class F = std::identity>
  RowBroadcast(const float* row, int rows, F f = {}) {
    for (int r = 0; r < lane_period(rows); ++r) value[r] = f(row[r % rows]);
  }
  // What belongs to the vector that begins at this row.
  Vec at(int row) const { return load(value + row); }

  alignas(64) float value[max_rows];
};

}  // namespace tile::cpu
