// Absolute errors and their statistics.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

namespace flash {

// |actual - expected|; infinite if only one of them is finite, 0 if both are the same non-number.
inline double error(double actual, double expected) {
  if (actual == expected || (std::isnan(actual) && std::isnan(expected))) return 0;
  const double difference = std::abs(actual - expected);
  return std::isnan(difference) ? std::numeric_limits<double>::infinity() : difference;
}

struct Errors {
  double max = 0, sum = 0;
  std::int64_t count = 0;

  void add(double e) {
    max = std::max(max, e);
    sum += e;
    ++count;
  }
  double mean() const { return count == 0 ? 0 : sum / static_cast<double>(count); }
};

}  // namespace flash
