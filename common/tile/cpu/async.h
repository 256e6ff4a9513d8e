// Asynchronous copies and products, and the roles that issue them.
//
// Without checking a copy or a product is done when it is issued, which every program that waits
// for it correctly allows. In checked mode it is in flight until it is waited for: its tile is
// poisoned, and the race detector reports who touches it.
#pragma once

#include <cstdint>
#include <string>

#include "tile/cpu/barrier.h"
#include "tile/cpu/columns.h"
#include "tile/cpu/memory.h"
#include "tile/cpu/products.h"
#include "tile/cpu/shared_tile.h"
#include "tile/roles.h"

namespace tile::cpu {

// What the copy engine brings for the whole tile, the zeros past the end of the tensor included.
template <class Tile>
std::int64_t bytes(const Tile& tile) {
  constexpr bool is_vector = Tile::rows == 1;
  return std::int64_t{Tile::rows} * Tile::cols * (is_vector ? 4 : tile.block->element_bytes());
}

// Copies to the tile, by `move`; its bytes will count at `barrier`.
template <class Tile, class Move>
void issue_copy(Tile& tile, const Op& op, Barrier& barrier, const Move& move) {
  Block& block = *tile.block;
  const auto parts = parts_of(tile);
  std::apply([&](auto&... part) { begin(block, op, reads(), overwrites(part...)); }, parts);
  block.record(Event::Kind::copy, bytes(tile), barrier.record_index());
  const std::int64_t phase = barrier.issue(bytes(tile));
  if (!block.checked()) {
    move();
    return barrier.bytes_arrived(bytes(tile));
  }
  const auto issue = [&](auto& part) {
    poison(part);
    block.race_detector().copy_issued(part.on_chip(), barrier.index(), phase, barrier.hasty());
  };
  std::apply([&](auto&... part) { (issue(part), ...); }, parts);
  block.history().add(block.role(), "load_async", tile.name);
  block.scheduler().add_copy([&tile, move, to = &barrier] {
    move();
    to->bytes_arrived(bytes(tile));
  });
}

// TMA: loads the tile whose first element is (row, col), and counts its bytes at `barrier`. It may
// lie past the end of the tensor entirely.
template <class Tile>
void load_async(Tile& tile, const HbmMatrix& hbm, std::int64_t row, Barrier& barrier,
                std::int64_t col = 0) {
  if constexpr (require_that_tiles_fit<is_matrix<Tile>,
                                       "load_async: the tile is " + shape_of<Tile> +
                                           ", which has no room for the rows of a matrix">()) {
    const Overlap part =
        cover(*tile.block, Transfer::load_async, tile.name, hbm, row, col, Tile::rows, Tile::cols);
    issue_copy(tile, bytes_of(Transfer::load_async, hbm, part), barrier,
               [&tile, hbm, part] { move_in(tile, hbm, part); });
  }
}

// The same with row statistics, 4 bytes each.
template <int Cols>
void load_async(SharedVector<Cols>& tile, const HbmVector& hbm, std::int64_t row,
                Barrier& barrier) {
  const auto [op, valid] = rows_of(Transfer::load_async, tile, hbm, row);
  issue_copy(tile, op, barrier,
             [&tile, hbm, row, valid = valid] { move_in(tile, hbm, row, valid); });
}

// Issues the product that `run` computes, with these operands and this result.
template <class Result, class Left, class Right, class Run>
void issue_product(Result& result, const Left& left, const Right& right, bool chains,
                   const Run& run) {
  Block& block = *result.block;
  const Block::Asynchronous asynchronous(block);
  if (!block.checked()) return run();
  if (chains) block.async_products().uncover(block.race_detector(), block.role(), result.data);
  block.history().add(block.role(), "mma_async", result.name);
  run();
  block.async_products().issue(block.race_detector(), block.role(),
                               {result.data, left.on_chip(), right.on_chip()},
                               Result::rows * Result::cols);
  poison(result);
}

// WGMMA: the products of products.h, done once wait_products says so. Until then neither their
// result may be touched nor their operands overwritten. Products into one accumulator may follow
// one another without waiting. A factor is applied when the product is issued: WGMMA has none, so a
// GPU multiplies O's registers before it issues the product, which has to wait for those before it.
template <Sums sums = Sums::fp32, class S, class A, class B>
void mma_ABt_async(S& s, const A& a, const B& b) {
  issue_product(s, a, b, true, [&] { mma_ABt<sums>(s, a, b); });
}

template <Sums sums = Sums::fp32, class O, class A, class B, class Factor>
void mma_ABt_async(O& o, const A& a, const B& b, const Factor& factor) {
  issue_product(o, a, b, false, [&] { mma_ABt<sums>(o, a, b, factor); });
}

template <class O, class A, class B>
void mma_AB_async(O& o, const A& a, const B& b) {
  issue_product(o, a, b, true, [&] { mma_AB(o, a, b); });
}

template <class O, class A, class B, class Factor>
void mma_AB_async(O& o, const A& a, const B& b, const Factor& factor) {
  issue_product(o, a, b, false, [&] { mma_AB(o, a, b, factor); });
}

template <class S, int Rows, int Cols, int Slices, class B>
void mma_ABt_async(S& s, const SharedTile<Rows, Cols, Slices>& a, const B& b) {
  mma_ABt_async(s, a.left, b);
}

// wgmma.commit_group: the products issued since the last form a group, which may be empty.
inline void commit_products(Block& block) {
  block.record(Event::Kind::commit, 0);
  if (block.checked()) block.async_products().commit(block.role());
}

// wgmma.wait_group: waits until at most the latest `Pending` groups are in flight.
template <int Pending>
void wait_products(Block& block) {
  block.record(Event::Kind::wait_products, Pending);
  if (block.checked()) block.async_products().wait(block.race_detector(), block.role(), Pending);
}

template <class F>
void add_roles(Block&, const NamedRole<F>& role, std::vector<Role>& all) {
  all.push_back({role.name, role.run});
}
template <int Count, class F>
void add_roles(Block& block, const NamedRoles<Count, F>& roles, std::vector<Role>& all) {
  for (int i = 0; i < Count; ++i)
    all.push_back({block.named(std::string(roles.name) + " " + std::to_string(i)),
                   [&roles, i] { roles.run(i); }});
}

// Runs each role in a warpgroup of its own, until all have ended.
template <class... R>
void warpgroups(Block& block, const R&... roles) {
  static_assert((R::count + ...) <= RaceDetector::max_roles,
                "warpgroups: a block has at most 8 roles, four warps each");
  std::vector<Role> all;
  (add_roles(block, roles, all), ...);
  for (Role& role : all)
    role.run = [&block, run = std::move(role.run)] {
      run();
      if (block.async_products().in_flight(block.role()))
        block.fail("ends with a product in flight");
    };
  block.run(std::move(all));
  if (block.scheduler().has_copies()) block.fail("ends with a load_async in flight");
}

// setmaxnreg: how many registers a thread of this warpgroup needs from here on. A CPU has its own.
template <int Registers>
void set_registers(Block&) {}

}  // namespace tile::cpu
