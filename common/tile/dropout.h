// Dropout of weights: which of a head's are dropped is a function of the seed and of where they
// are, so that the backward pass finds it again and nobody keeps a mask.
#pragma once

#include "tile/philox.h"

namespace tile {

// Of one head. A weight is dropped if its random word is below `threshold`, 2^32 times the
// probability; the others are multiplied by `scale`, 1 / (1 - probability). The weights of four
// keys take the words of one Philox counter: (key / 4, query, head, 0), with the seed as the key.
struct Dropout {
  static constexpr int keys_a_counter = 4;

  std::uint32_t threshold = 0;
  float scale = 1;
  PhiloxKey seed = {};
  std::uint32_t head = 0;  // of all sequences

  TILE_HOST_DEVICE constexpr PhiloxCounter words(std::int64_t query, std::int64_t key) const {
    return philox({static_cast<std::uint32_t>(key / keys_a_counter),
                   static_cast<std::uint32_t>(query), head, 0},
                  seed);
  }
  TILE_HOST_DEVICE constexpr bool keeps(std::int64_t query, std::int64_t key) const {
    return words(query, key)[key % keys_a_counter] >= threshold;
  }
  TILE_HOST_DEVICE constexpr float factor(std::int64_t query, std::int64_t key) const {
    return keeps(query, key) ? scale : 0;
  }
};

}  // namespace tile
