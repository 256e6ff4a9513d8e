// A row as the splits of stage 06 find it, for the mistakes in their merge. Includes Eigen, so for
// .cpp files only.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "diagnosis/mistakes.h"

namespace flash {

// What a split found. One without keys: O = 0, LSE = -inf.
struct Split {
  RowSlice<double> scores;  // then the weights of V in its O
  double m, l, lse;
};

inline constexpr double infinity = std::numeric_limits<double>::infinity();

inline std::vector<Split> splits_of(RowSlice<double> scores, const RowContext& c) {
  std::vector<Split> splits;
  const Plan& plan = c.setting.plan;
  for (int i = 0; i < plan.splits; ++i) {
    KeyRange keys = keys_of_split(c.seen_by_tile(), plan.tiles.key_rows, i, plan.splits);
    keys.begin = std::min<std::int64_t>(keys.begin, scores.size());
    keys.end = std::clamp<std::int64_t>(keys.end, keys.begin, scores.size());
    Split split{scores.segment(keys.begin, keys.size()), -infinity, 0, -infinity};
    if (keys.size() > 0) {
      split.m = split.scores.maxCoeff();
      const RowSum<double> sum = softmax(split.scores);
      split.scores /= sum.divisor;
      split.l = sum.divisor;
      split.lse = sum.lse;
    }
    splits.push_back(split);
  }
  return splits;
}

inline double right_lse(const std::vector<Split>& splits) {
  double largest = -infinity, sum = 0;
  for (const Split& split : splits) largest = std::max(largest, split.lse);
  for (const Split& split : splits) sum += std::exp(split.lse - largest);
  return largest + std::log(sum);
}

}  // namespace flash
