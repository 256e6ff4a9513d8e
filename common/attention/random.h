// Random numbers as a function of a key and an index: the same on every machine, in any order.
#pragma once

#include <cstdint>

namespace flash {

// SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014).
constexpr std::uint64_t random_bits(std::uint64_t key, std::uint64_t index) {
  std::uint64_t x = key + (index + 1) * 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

// An integer in [0, end). The bias, end / 2^64, does not matter here.
constexpr std::int64_t random_below(std::int64_t end, std::uint64_t key, std::uint64_t index) {
  return static_cast<std::int64_t>(random_bits(key, index) % static_cast<std::uint64_t>(end));
}

}  // namespace flash
