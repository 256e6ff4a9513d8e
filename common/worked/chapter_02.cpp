#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include "worked/chapters.h"

namespace flash {

// One query, three tiles of two keys, values of one column.
std::string three_tiles() {
  constexpr double S[3][2] = {{1, 0}, {3, 2}, {2, 4}}, V[3][2] = {{1, 2}, {3, 4}, {5, 6}};
  std::string text =
      "| tile | S | V | m | e^(m_old − m) | l | O, times l | O |\n"
      "|--:|---|---|--:|--:|--:|--:|--:|\n";
  double m = -INFINITY, l = 0, o = 0;
  for (int tile = 0; tile < 3; ++tile) {
    const double maximum = std::max({m, S[tile][0], S[tile][1]}), rescale = std::exp(m - maximum);
    const double p[2] = {std::exp(S[tile][0] - maximum), std::exp(S[tile][1] - maximum)};
    l = rescale * l + p[0] + p[1];
    o = rescale * o + p[0] * V[tile][0] + p[1] * V[tile][1];
    m = maximum;
    std::array<char, 200> row{};
    std::snprintf(row.data(), row.size(),
                  "| %d | %.0f, %.0f | %.0f, %.0f | %.0f | %.4f | %.4f | %.4f | %.4f |\n", tile,
                  S[tile][0], S[tile][1], V[tile][0], V[tile][1], m, rescale, l, o, o / l);
    text += row.data();
  }
  std::array<char, 80> end{};
  std::snprintf(end.data(), end.size(), "\nLSE = m + ln l = %.4f.\n", m + std::log(l));
  return text + end.data();
}

}  // namespace flash
