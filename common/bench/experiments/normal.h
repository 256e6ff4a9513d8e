// Normal random numbers as a function of a key and an index.
#pragma once

#include <cmath>
#include <numbers>

#include "attention/random.h"

namespace flash {

// By Box and Muller.
inline double normal(std::uint64_t key, std::uint64_t index) {
  const auto uniform = [&](std::uint64_t i) {
    return (static_cast<double>(random_bits(key, i) >> 11) + 0.5) * 0x1p-53;
  };
  return std::sqrt(-2 * std::log(uniform(2 * index))) *
         std::cos(2 * std::numbers::pi * uniform(2 * index + 1));
}

}  // namespace flash
