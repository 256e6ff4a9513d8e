// Softmax of one query over three tiles of two keys, with values of one column: tile by tile, and
// merged.
#pragma once

#include <array>
#include <cmath>

namespace flash {

struct SoftmaxTile {
  double S[2], V[2];
};

inline constexpr SoftmaxTile softmax_tiles[3] = {
    {{1, 0}, {1, 2}}, {{3, 2}, {3, 4}}, {{2, 4}, {5, 6}}};

// What may be wrong in the correction when the maximum moves.
enum class Rescaling {
  right,
  l_left_out,  // O' = (e^(m - m') O + P V) / l': O was divided by l, and is not multiplied by it
  none,        // neither l nor O is multiplied by e^(m - m')
};

// After a tile.
struct SoftmaxState {
  double m, rescale, l;
  double O;  // divided by l

  double O_times_l() const { return O * l; }
  double LSE() const;
};

std::array<SoftmaxState, 3> online_softmax(Rescaling rescaling = Rescaling::right);

// What is known of some keys: the maximum of their scores, and two sums. Of no keys by default.
struct Partial {
  double m = -INFINITY, l = 0, O = 0;  // O is not divided by l

  double output() const { return l == 0 ? 0 : O / l; }
  double lse() const { return m + std::log(l); }
};

Partial of_tile(const SoftmaxTile& tile);
Partial merge(const Partial& a, const Partial& b);

}  // namespace flash
