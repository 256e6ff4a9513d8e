// What is known of some keys of one row: the maximum of their scores, and two sums.
#pragma once

#include <algorithm>
#include <cmath>

namespace flash {

struct Partial {
  double m = -INFINITY, l = 0, O = 0;  // O is not divided by l

  double output() const { return O / l; }
  double lse() const { return m + std::log(l); }
};

// Of one tile of two keys, with values of one column.
inline Partial of_tile(const double (&S)[2], const double (&V)[2]) {
  Partial p{.m = std::max(S[0], S[1])};
  for (int j = 0; j < 2; ++j) {
    p.l += std::exp(S[j] - p.m);
    p.O += std::exp(S[j] - p.m) * V[j];
  }
  return p;
}

inline Partial merge(const Partial& a, const Partial& b) {
  const double m = std::max(a.m, b.m);
  if (m == -INFINITY) return {};
  const double of_a = std::exp(a.m - m), of_b = std::exp(b.m - m);
  return {.m = m, .l = of_a * a.l + of_b * b.l, .O = of_a * a.O + of_b * b.O};
}

// Three tiles, whose maximum moves at each of them.
inline constexpr double example_scores[3][2] = {{1, 0}, {3, 2}, {2, 4}};
inline constexpr double example_values[3][2] = {{1, 2}, {3, 4}, {5, 6}};

}  // namespace flash
