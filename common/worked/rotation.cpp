// What a rotation does to the error of a score: an example of docs/math.md.
#include <array>
#include <bit>
#include <cmath>
#include <random>

#include "tile/fp8.h"
#include "worked/chapters.h"
#include "worked/text.h"

namespace flash {
namespace {

constexpr int columns = 64;
using Row = std::array<double, columns>;

// Nearly normal, and the same with every standard library.
double normal(std::mt19937_64& random) {
  double sum = -6;
  for (int i = 0; i < 12; ++i) sum += static_cast<double>(random() >> 11) * 0x1p-53;
  return sum;
}

Row rotated(const Row& row) {
  Row result{};
  for (unsigned i = 0; i < columns; ++i)
    for (unsigned c = 0; c < columns; ++c) {
      const double sign = (c * 37 % 64 & 8) != 0 ? -1 : 1;  // of the column
      result[i] += (std::popcount(i & c) % 2 == 0 ? 1 : -1) * sign * row[c] / 8;
    }
  return result;
}

double rounded(double x) {
  return tile::to_float(tile::to_e4m3(static_cast<float>(x)));
}

// The error of the score of two rows that are rounded to E4M3.
double error(const Row& q, const Row& k) {
  double sum = 0;
  for (int c = 0; c < columns; ++c) sum += rounded(q[c]) * rounded(k[c]) - q[c] * k[c];
  return sum;
}

}  // namespace

std::string outlier_rotated() {
  std::string text = "| | error of q·k, rotated: no | yes | ratio |\n|---|--:|--:|--:|\n";
  for (const bool outlier : {false, true}) {
    std::mt19937_64 random(1);
    double plain = 0, turned = 0;
    constexpr int draws = 4000;
    for (int draw = 0; draw < draws; ++draw) {
      Row q{}, k{};
      for (double& x : q) x = normal(random);
      for (double& x : k) x = normal(random);
      if (outlier) q[5] += 10, k[5] += 10;
      plain += std::pow(error(q, k), 2);
      turned += std::pow(error(rotated(q), rotated(k)), 2);
    }
    text += text_of("| %s | %.2f | %.2f | %.2f |\n",
                    outlier ? "10 added to one column of q and of k" : "normal elements",
                    std::sqrt(plain / draws), std::sqrt(turned / draws), std::sqrt(plain / turned));
  }
  return text + "\nRoot mean square over 4000 pairs of rows, d = 64, E4M3.\n";
}

}  // namespace flash
