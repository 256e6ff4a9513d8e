// Arithmetic on sizes.
#pragma once

#include <array>
#include <cstdint>

#include "tile/compiler.h"

namespace tile {

TILE_HOST_DEVICE constexpr std::int64_t ceil_div(std::int64_t a, std::int64_t b) {
  return (a + b - 1) / b;
}

// A sign for each column: bit c % 64 of word c / 64 is set where column c is negated.
using Signs = std::array<std::uint64_t, 4>;

}  // namespace tile
