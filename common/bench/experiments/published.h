// Published figures beside what the modelled GPU makes of the same problems.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <string_view>
#include <vector>

#include "attention/problem.h"
#include "report/text.h"
#include "report/units.h"

namespace flash {

struct Published {
  std::string_view gpu, stage;
  int head_dim;
  bool causal;
  std::array<int, 6> tflops;  // of 512, 1k, ... 16k queries and keys; 0: none
};

// FP16, 16384 tokens and 2048 columns in all.
inline Problem problem_of(const Published& row, std::size_t column) {
  const std::int64_t length = 512 << column, heads = 2048 / row.head_dim;
  return {.batch = 16384 / length,
          .heads = heads,
          .kv_heads = heads,
          .seqlen_q = length,
          .seqlen_k = length,
          .head_dim = row.head_dim,
          .dtype = DType::f16,
          .causal = row.causal};
}

inline std::string percent_off(double value, double published) {
  return text_of("%+.0f%%", 100 * (value / published - 1));
}

// How far predictions are from what was published.
struct Errors {
  std::vector<double> all = {};

  void add(double value, double published) { all.push_back(std::abs(value / published - 1)); }
  std::string text() {
    std::ranges::sort(all);
    const double median = (all[(all.size() - 1) / 2] + all[all.size() / 2]) / 2;
    return "median error " + percent_text(median) + ", worst " + percent_text(all.back());
  }
};

}  // namespace flash
