// What quantisation needs: the largest element of a tile, and single numbers in HBM.
#pragma once

#include <algorithm>

#include "tile/cpu/memory.h"
#include "tile/cpu/rows.h"

namespace tile::cpu {

// The largest magnitude in the tile. NaNs do not count; they stay in the tile.
template <int Rows, int Cols>
float largest_magnitude(const ColumnTile<Rows, Cols>& tile) {
  reads("largest_magnitude", tile);
  Vec largest = {};
  for_each_vector(tile, [&](int i) {
    const Vec x = load(tile.data + i);
    largest = max(max(x, -x), largest);
  });
  float result = 0;
  for (int i = 0; i < lanes; ++i) result = std::max(result, largest[i]);
  return result;
}

// Element i of a vector in HBM, for every thread of the caller.
inline float load_scalar(Block& block, const HbmVector& hbm, std::int64_t i) {
  require_inside(block, "load_scalar", "scalar", hbm.tensor, "row", i, hbm.rows);
  block.counters().hbm_read[hbm.tensor] += 4;
  return hbm.data[i];
}

inline void store_scalar(Block& block, const HbmVector& hbm, std::int64_t i, float x) {
  require_inside(block, "store_scalar", "scalar", hbm.tensor, "row", i, hbm.rows);
  block.counters().hbm_write[hbm.tensor] += 4;
  hbm.data[i] = x;
}

}  // namespace tile::cpu
