// The roles of a block's warpgroups, and the rings of tiles between them.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <utility>

#include "tile/compiler.h"

namespace tile {

// A warpgroup's part of the kernel.
template <class F>
struct NamedRole {
  static constexpr int count = 1;
  std::string_view name;
  F run;
};

template <class F>
TILE_HOST_DEVICE NamedRole<F> role(std::string_view name, F run) {
  return {name, std::move(run)};
}

// The same part for several warpgroups, each of which is told its number.
template <int Count, class F>
struct NamedRoles {
  static constexpr int count = Count;
  std::string_view name;
  F run;
};

template <int Count, class F>
TILE_HOST_DEVICE NamedRoles<Count, F> roles(std::string_view name, F run) {
  return {name, std::move(run)};
}

// `Depth` tiles in turn, each with a barrier that says it is full and one that says it is empty.
// The n-th use of the ring takes slot n mod Depth, in the phase n / Depth of its barriers.
template <class Block, class Tile, int Depth>
class Ring {
 public:
  using Barrier = typename Block::Barrier;

  // `readers` warpgroups arrive at the empty barrier when they have read the slot.
  TILE_HOST_DEVICE Ring(Block& block, std::string_view name, int readers)
      : Ring(block, name, readers, std::make_index_sequence<Depth>()) {}

  TILE_HOST_DEVICE Tile& operator[](std::int64_t n) { return tiles_[n % Depth]; }
  TILE_HOST_DEVICE Barrier& full(std::int64_t n) { return full_[n % Depth]; }
  TILE_HOST_DEVICE Barrier& empty(std::int64_t n) { return empty_[n % Depth]; }
  TILE_HOST_DEVICE int parity(std::int64_t n) const { return static_cast<int>(n / Depth % 2); }

 private:
  template <std::size_t... I>
  TILE_HOST_DEVICE Ring(Block& block, std::string_view name, int readers, std::index_sequence<I...>)
      : tiles_{Tile(block, block.numbered(name, "", I))...},
        full_{Barrier(block, block.numbered(name, " full", I), 1)...},
        empty_{Barrier(block, block.numbered(name, " empty", I), readers)...} {}

  std::array<Tile, Depth> tiles_;
  std::array<Barrier, Depth> full_, empty_;
};

// The turns of `Count` warpgroups, one after another: a named barrier for each of them, at which it
// waits, and the one before it arrives. Behind the last comes the first.
template <class Block, int Count>
class Turns {
 public:
  using Barrier = typename Block::NamedBarrier;

  TILE_HOST_DEVICE Turns(Block& block, std::string_view name)
      : Turns(block, name, std::make_index_sequence<Count>()) {}

  TILE_HOST_DEVICE Barrier& operator[](int i) { return turns_[i % Count]; }

 private:
  template <std::size_t... I>
  TILE_HOST_DEVICE Turns(Block& block, std::string_view name, std::index_sequence<I...>)
      : turns_{Barrier(block, block.numbered(name, "", I), 2)...} {}

  std::array<Barrier, Count> turns_;
};

}  // namespace tile
