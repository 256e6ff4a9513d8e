#include <algorithm>
#include <array>
#include <cmath>
#include <span>

#include "attention/fp8.h"
#include "report/text.h"
#include "tile/fp8.h"
#include "worked/chapters.h"

namespace flash {
namespace {

// The bits of a code in fields of these lengths.
std::string fields(std::uint8_t code, std::initializer_list<int> lengths) {
  std::string text;
  int bit = 8;
  for (const int length : lengths) {
    if (!text.empty()) text += ' ';
    for (int i = 0; i < length; ++i) text += static_cast<char>('0' + (code >> --bit & 1));
  }
  return text;
}

double e4m3_of(double x) {
  return tile::to_float(tile::to_e4m3(static_cast<float>(x)));
}

double e5m2_of(double x) {
  return tile::to_float(tile::to_e5m2(static_cast<float>(x)));
}

std::string error(double rounded, double x) {
  return text_of("%.1f %%", 100 * std::abs(rounded / x - 1));
}

// x H/2, with the Hadamard matrix of four columns.
std::array<double, 4> rotated(const std::array<double, 4>& x) {
  return {(x[0] + x[1] + x[2] + x[3]) / 2, (x[0] - x[1] + x[2] - x[3]) / 2,
          (x[0] + x[1] - x[2] - x[3]) / 2, (x[0] - x[1] - x[2] + x[3]) / 2};
}

std::string list(std::span<const double> x) {
  std::string text;
  for (const double value : x) text += text_of("%s%g", text.empty() ? "" : ", ", value);
  return text;
}

}  // namespace

// What numbers become in the two formats.
std::string fp8_bits() {
  std::string text =
      "| x | E4M3: sign, exponent, mantissa | is | off by | E5M2 | is | off by |\n"
      "|--:|---|--:|--:|---|--:|--:|\n";
  for (const double x : {1.0, 1.1, 0.1, 100.0, 448.0, 500.0, 0.005, 0.0005}) {
    const double a = e4m3_of(x), b = e5m2_of(x);
    text += text_of("| %g | `%s` | %g | %s | `%s` | %g | %s |\n", x,
                    fields(tile::to_e4m3(static_cast<float>(x)).bits, {1, 4, 3}).c_str(), a,
                    error(a, x).c_str(),
                    fields(tile::to_e5m2(static_cast<float>(x)).bits, {1, 5, 2}).c_str(), b,
                    error(b, x).c_str());
  }
  return text;
}

// A row of four numbers, the largest of its tile among them.
std::string quantised_row() {
  constexpr double row[] = {0.3, -1.7, 0.02, 20};
  const double unit = block_scale(20, tile::DType::e4m3);
  std::string text = text_of(
      "The largest magnitude is 20, and 20 ÷ 448 = %.4f: the least power of two that is no smaller "
      "is %g.\n\n| x | x ÷ %g | neighbours in E4M3 | code | is | times %g | off by |\n"
      "|--:|--:|---|---|--:|--:|--:|\n",
      20 / 448.0, unit, unit, unit);
  for (const double x : row) {
    const double scaled = x / unit, magnitude = std::abs(scaled);
    const double step = std::exp2(std::floor(std::log2(magnitude)) - 3);
    const double below = std::floor(magnitude / step) * step, rounded = e4m3_of(scaled);
    const tile::e4m3 code = tile::to_e4m3(static_cast<float>(scaled));
    text +=
        text_of("| %g | %g | %s | `%s` | %g | %g | %s |\n", x, scaled,
                below == magnitude ? "itself" : text_of("±%g, ±%g", below, below + step).c_str(),
                fields(code.bits, {1, 4, 3}).c_str(), rounded, rounded * unit,
                error(rounded, scaled).c_str());
  }
  return text;
}

// An outlier that Q and K share, before and after a rotation.
std::string rotated_row() {
  constexpr std::array<double, 4> q = {10, 1, 1, 1}, k = {10, 1, -1, 1};
  std::string text =
      "| | q | k | q·k | terms q_c k_c | √Σ(q_c k_c)² |\n|---|---|---|--:|---|--:|\n";
  const auto row = [&](const char* name, const auto& a, const auto& b) {
    std::array<double, 4> terms{};
    double sum = 0, squares = 0;
    for (int c = 0; c < 4; ++c) {
      terms[c] = a[c] * b[c];
      sum += terms[c];
      squares += terms[c] * terms[c];
    }
    text += text_of("| %s | %s | %s | %g | %s | %.1f |\n", name, list(a).c_str(), list(b).c_str(),
                    sum, list(terms).c_str(), std::sqrt(squares));
  };
  row("as they are", q, k);
  row("times H/2", rotated(q), rotated(k));
  return text;
}

// One key with weight 1 and many with a small one, whose values are 0 and 1.
std::string small_weights() {
  std::string text =
      "| weight of each of the others | all others together | P in E4M3 | 256 P in E4M3 | O | O "
      "from P | O from 256 P |\n|--:|--:|--:|--:|--:|--:|--:|\n";
  constexpr int keys = 8192;
  for (const int exponent : {-8, -9, -10, -11, -16, -19}) {
    const double p = std::exp2(exponent), l = 1 + keys * p;
    const double plain = e4m3_of(p), scaled = e4m3_of(P_factor * p);
    text += text_of("| 2^%d | %g | %g | %g | %.3f | %.3f | %.3f |\n", exponent, keys * p, plain,
                    scaled, keys * p / l, keys * plain / l, keys * scaled / P_factor / l);
  }
  return text;
}

// O in units of V's largest scale so far, over four tiles.
std::string units_of_v() {
  constexpr double scales[] = {0.25, 1, 0.5, 2};
  std::string text =
      "| tile | scale of V | unit of O | O, before it is added to, times | P times |\n"
      "|--:|--:|--:|--:|--:|\n";
  double unit = 0;
  for (int tile = 0; tile < 4; ++tile) {
    const double last = unit;
    unit = std::max(unit, scales[tile]);
    text += text_of("| %d | %g | %g | %g | 256 · %g |\n", tile, scales[tile], unit, last / unit,
                    scales[tile] / unit);
  }
  return text;
}

}  // namespace flash
