// Asynchronous copies and products, the roles that issue them, and the rings between the roles.
//
// Without checking a copy or a product is done when it is issued, which every program that waits
// for it correctly allows. In checked mode it is in flight until it is waited for: its tile is
// poisoned, and the race detector reports who touches it.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <utility>

#include "tile/cpu/barrier.h"
#include "tile/cpu/memory.h"
#include "tile/cpu/products.h"

namespace tile::cpu {

// What the copy engine brings for the whole tile, the zeros past the end of the tensor included.
template <int Rows, int Cols, Order Layout>
std::int64_t bytes(const TileView<Rows, Cols, Layout>& tile) {
  return std::int64_t{Rows} * Cols * tile.block->element_bytes();
}

// TMA: loads the tile whose first element is (row, col), and counts its bytes at `barrier`. It may
// lie past the end of the tensor entirely.
template <int Rows, int Cols, Order Layout>
void load_async(const TileView<Rows, Cols, Layout>& tile, const HbmMatrix& hbm, std::int64_t row,
                Barrier& barrier, std::int64_t col = 0) {
  const Overlap part = transfer("load_async", tile, hbm, row, col);
  writes("load_async", tile);
  const std::int64_t phase = barrier.issue(bytes(tile));
  if (!tile.block->checked()) {
    move_in(tile, hbm, part);
    return barrier.bytes_arrived(bytes(tile));
  }
  poison(tile);
  tile.block->race_detector().copy_issued(on_chip(tile), barrier.index(), phase);
  tile.block->scheduler().add_copy(
      [tile = TileView<Rows, Cols, Layout>(tile), hbm, part, to = &barrier] {
        move_in(tile, hbm, part);
        to->bytes_arrived(bytes(tile));
      });
}

// Issues the product that `run` computes, with these operands and this result.
template <int Rows, int Cols, class Left, class Right, class Run>
void issue_product(const TileView<Rows, Cols, Order::columns>& result, const Left& left,
                   const Right& right, bool chains, const Run& run) {
  Block& block = *result.block;
  if (!block.checked()) return run();
  if (chains) block.async_products().uncover(block.race_detector(), block.role(), result.data);
  run();
  block.async_products().issue(block.race_detector(), block.role(),
                               {result.data, on_chip(left), on_chip(right)}, Rows * Cols);
  poison(result);
}

// WGMMA: the products of matrix.h, done once wait_products says so. Until then neither their result
// may be touched nor their operands overwritten. AsyncProducts into one accumulator may follow one
// another without waiting. A factor is applied when the product is issued.
template <int Rows, int Cols, int Depth>
void mma_ABt_async(const TileView<Rows, Cols, Order::columns>& S,
                   const TileView<Rows, Depth, Order::columns>& A,
                   const TileView<Cols, Depth, Order::rows>& B) {
  issue_product(S, A, B, true, [&] { mma_ABt(S, A, B); });
}

template <int Rows, int Cols, int Depth>
void mma_AB_async(const TileView<Rows, Cols, Order::columns>& O,
                  const TileView<Rows, Depth, Order::columns>& A,
                  const TileView<Depth, Cols, Order::rows>& B) {
  issue_product(O, A, B, true, [&] { mma_AB(O, A, B); });
}

template <int Rows, int Cols, int Depth>
void mma_AB_async(const TileView<Rows, Cols, Order::columns>& O,
                  const TileView<Rows, Depth, Order::columns>& A,
                  const TileView<Depth, Cols, Order::rows>& B,
                  const TileView<Rows, 1, Order::columns>& factor) {
  issue_product(O, A, B, false, [&] { mma_AB(O, A, B, factor); });
}

// wgmma.commit_group: the products issued since the last form a group, which may be empty.
inline void commit_products(Block& block) {
  if (block.checked()) block.async_products().commit(block.role());
}

// wgmma.wait_group: waits until at most the latest `Pending` groups are in flight.
template <int Pending>
void wait_products(Block& block) {
  if (block.checked()) block.async_products().wait(block.race_detector(), block.role(), Pending);
}

// A warpgroup's part of the kernel.
template <class F>
struct NamedRole {
  std::string_view name;
  F run;
};

template <class F>
NamedRole<F> role(std::string_view name, F run) {
  return {name, std::move(run)};
}

// Runs each role in a warpgroup of its own, until all have ended.
template <class... F>
void warpgroups(Block& block, const NamedRole<F>&... roles) {
  const auto whole = [&block](const auto& role) {
    return [&block, &role] {
      role.run();
      if (block.async_products().in_flight(block.role()))
        block.fail("ends with a product in flight");
    };
  };
  block.run({Role{roles.name, whole(roles)}...});
  if (block.scheduler().has_copies()) block.fail("ends with a load_async in flight");
}

// setmaxnreg: how many registers a thread of this warpgroup needs from here on. A CPU has its own.
template <int Registers>
void set_registers(Block&) {}

// `Stages` tiles in turn, each with a barrier that says it is full and one that says it is empty.
// The n-th use of the ring takes slot n mod Stages, in the phase n / Stages of its barriers.
template <class TileType, int Stages>
class Ring {
 public:
  // `readers` warpgroups arrive at the empty barrier when they have read the slot.
  Ring(Block& block, std::string_view name, int readers)
      : Ring(block, std::string(name), readers, std::make_index_sequence<Stages>()) {}

  TileType& operator[](std::int64_t n) { return tiles_[n % Stages]; }
  Barrier& full(std::int64_t n) { return full_[n % Stages]; }
  Barrier& empty(std::int64_t n) { return empty_[n % Stages]; }
  int parity(std::int64_t n) const { return static_cast<int>(n / Stages % 2); }

 private:
  template <std::size_t... I>
  Ring(Block& block, const std::string& name, int readers, std::index_sequence<I...>)
      : tiles_{TileType(block, block.numbered(name, I))...},
        full_{Barrier(block, block.numbered(name + " full", I), 1)...},
        empty_{Barrier(block, block.numbered(name + " empty", I), readers)...} {}

  std::array<TileType, Stages> tiles_;
  std::array<Barrier, Stages> full_, empty_;
};

}  // namespace tile::cpu
