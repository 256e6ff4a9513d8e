// What a rotation does to the error of a score: an example of docs/math.md.
#include "worked/rotation.h"

#include <bit>
#include <cmath>
#include <random>

#include "attention/fp8.h"
#include "report/text.h"
#include "tile/fp8.h"
#include "worked/chapters.h"
#include "worked/nearly_normal.h"

namespace flash {
namespace {

double rounded(double x) {
  return tile::to_float(tile::to_e4m3(static_cast<float>(x)));
}

// The error of the score of two rows that are rounded to E4M3.
double error(const RotatedRow& q, const RotatedRow& k) {
  double sum = 0;
  for (std::size_t c = 0; c < q.size(); ++c) sum += rounded(q[c]) * rounded(k[c]) - q[c] * k[c];
  return sum;
}

}  // namespace

RotatedRow rotated(const RotatedRow& row) {
  RotatedRow result{};
  for (unsigned i = 0; i < row.size(); ++i)
    for (unsigned c = 0; c < row.size(); ++c) {
      const bool negated = (rotation_signs[0] >> c & 1) != 0;
      const bool odd = std::popcount(i & c) % 2 != 0;
      result[i] += (negated != odd ? -1 : 1) * row[c] / 8;
    }
  return result;
}

std::string outlier_rotated() {
  std::string text = "| | error of q·k, rotated: no | yes | ratio |\n|---|--:|--:|--:|\n";
  for (const bool outlier : {false, true}) {
    std::mt19937_64 random(1);
    double plain = 0, turned = 0;
    constexpr int draws = 4000;
    for (int draw = 0; draw < draws; ++draw) {
      RotatedRow q{}, k{};
      for (double& x : q) x = nearly_normal(random);
      for (double& x : k) x = nearly_normal(random);
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
