#include <algorithm>
#include <array>
#include <cmath>
#include <random>
#include <vector>

#include "report/text.h"
#include "worked/chapters.h"
#include "worked/nearly_normal.h"
#include "worked/softmax.h"

namespace flash {
namespace {

// Rounded to eight significant bits.
float bf16_of(double x) {
  int exponent = 0;
  const double fraction = std::frexp(x, &exponent);
  return static_cast<float>(std::ldexp(std::nearbyint(std::ldexp(fraction, 8)), exponent - 8));
}

}  // namespace

std::string three_tiles() {
  std::string result =
      "| tile | S | V | m | e^(m_old − m) | l | O, times l | O |\n"
      "|--:|---|---|--:|--:|--:|--:|--:|\n";
  const std::array<SoftmaxState, 3> states = online_softmax();
  for (int tile = 0; tile < 3; ++tile) {
    const auto& [S, V] = softmax_tiles[tile];
    const SoftmaxState& now = states[tile];
    result += text_of("| %d | %.0f, %.0f | %.0f, %.0f | %.0f | %.4f | %.4f | %.4f | %.4f |\n", tile,
                      S[0], S[1], V[0], V[1], now.m, now.rescale, now.l, now.O_times_l(), now.O);
  }
  return result + text_of("\nLSE = m + ln l = %.4f.\n", states[2].LSE());
}

// O is normalised after each tile, as in line 12 of Algorithm 1.
std::string two_mistakes() {
  std::string result =
      "| tile | right | without l in front of O | l not rescaled, nor O |\n|--:|--:|--:|--:|\n";
  const auto right = online_softmax(), without_l = online_softmax(Rescaling::l_left_out),
             kept = online_softmax(Rescaling::none);
  for (int tile = 0; tile < 3; ++tile)
    result += text_of("| %d | %.4f | %.4f | %.4f |\n", tile, right[tile].O, without_l[tile].O,
                      kept[tile].O);
  return result + text_of("| LSE | %.4f | %.4f | %.4f |\n", right[2].LSE(), without_l[2].LSE(),
                          kept[2].LSE());
}

// A row of O that waits for the next tile of 64 keys in bf16, as if O_acc had the type of O.
std::string rounded_accumulator() {
  std::string result =
      "| keys | tiles | O rounded once, at the end | O rounded at every tile "
      "|\n|--:|--:|--:|--:|\n";
  for (const int keys : {256, 1024, 4096, 16384}) {
    constexpr int columns = 64, tile = 64;
    double once = 0, often = 0;
    std::minstd_rand random(1);
    std::vector<double> p(keys);
    for (double& weight : p) weight = std::exp(2.5 * nearly_normal(random));
    for (int column = 0; column < columns; ++column) {
      double l = 0, exact = 0;
      float waiting = 0;
      for (int key = 0; key < keys; key += tile) {
        double sum = 0, pv = 0;
        for (int k = key; k < key + tile; ++k) {
          const double v = nearly_normal(random);
          sum += p[k];
          pv += p[k] * v;
        }
        waiting = bf16_of((l * waiting + pv) / (l + sum));
        exact += pv;
        l += sum;
      }
      exact /= l;
      once += (bf16_of(exact) - exact) * (bf16_of(exact) - exact);
      often += (waiting - exact) * (waiting - exact);
    }
    result += text_of("| %d | %d | %.1e | %.1e |\n", keys, keys / tile, std::sqrt(once / columns),
                      std::sqrt(often / columns));
  }
  return result;
}

}  // namespace flash
