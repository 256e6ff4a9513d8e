// Online softmax of a row, tile by tile, for the mistakes in it. Includes Eigen, so for .cpp files
// only.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include "diagnosis/mistakes.h"

namespace flash {

// A tile of keys as online softmax comes to it. The weights of a row are those of V in O, before
// the division: to rescale O is to rescale the earlier weights.
struct Step {
  RowSlice<double> earlier, part;  // weights of the tiles before; scores of this, then weights
  double m_old, m, m_tile;         // maximum so far, with this tile, of this tile
  double l;                        // row sum so far
  double r_old;                    // the rescale factor of the tile before
  std::int64_t first_key;          // of this tile, which the row may not see

  bool first() const { return earlier.size() == 0; }
  double r() const { return first() ? 0 : std::exp(m_old - m); }

  // The tile's scores become weights against a maximum; their sum.
  double weigh(double maximum) {
    part = (part.array() - maximum).exp();
    return part.sum();
  }
};

// `update` makes weights of the tile's scores, rescales the earlier ones, and returns the new l.
// Tiles of the loop that the row does not see have no scores, and leave the maximum as it is.
template <class Update>
RowSum<double> online(RowSlice<double> scores, const RowContext& c, Update update) {
  double m = -std::numeric_limits<double>::infinity(), l = 0, r = 1;
  for (Eigen::Index j = 0; j < std::max<Eigen::Index>(scores.size(), c.end_of_loop());
       j += c.tile) {
    const Eigen::Index begin = std::min(j, scores.size());
    RowSlice<double> part =
        scores.segment(begin, std::min<Eigen::Index>(c.tile, scores.size() - begin));
    const double m_old = m, m_tile = part.size() > 0 ? part.maxCoeff() : m;
    m = std::max(m, m_tile);
    Step step{scores.head(begin), part, m_old, m, m_tile, l, r, j};
    l = update(step);
    r = step.r();
  }
  if (l == 0) scores.setZero();  // x / 0 = 0
  return {l == 0 ? 1 : l, m + std::log(l)};
}

}  // namespace flash
