#include "worked/softmax.h"

#include <algorithm>
#include <cmath>

namespace flash {

double SoftmaxState::LSE() const {
  return m + std::log(l);
}

std::array<SoftmaxState, 3> online_softmax(Rescaling rescaling) {
  std::array<SoftmaxState, 3> states{};
  SoftmaxState now = {.m = -INFINITY, .rescale = 0, .l = 0, .O = 0};
  for (int tile = 0; tile < 3; ++tile) {
    const auto& [S, V] = softmax_tiles[tile];
    const double m = std::max({now.m, S[0], S[1]});
    const double p[2] = {std::exp(S[0] - m), std::exp(S[1] - m)};
    now.rescale = rescaling == Rescaling::none ? 1 : std::exp(now.m - m);
    now.m = m;
    const double weight = rescaling == Rescaling::l_left_out ? now.rescale : now.rescale * now.l;
    now.l = now.rescale * now.l + p[0] + p[1];
    now.O = (weight * now.O + p[0] * V[0] + p[1] * V[1]) / now.l;
    states[tile] = now;
  }
  return states;
}

Partial of_tile(const SoftmaxTile& tile) {
  Partial p{.m = std::max(tile.S[0], tile.S[1])};
  for (int j = 0; j < 2; ++j) {
    p.l += std::exp(tile.S[j] - p.m);
    p.O += std::exp(tile.S[j] - p.m) * tile.V[j];
  }
  return p;
}

Partial merge(const Partial& a, const Partial& b) {
  const double m = std::max(a.m, b.m);
  if (m == -INFINITY) return {};
  const double of_a = std::exp(a.m - m), of_b = std::exp(b.m - m);
  return {.m = m, .l = of_a * a.l + of_b * b.l, .O = of_a * a.O + of_b * b.O};
}

}  // namespace flash
