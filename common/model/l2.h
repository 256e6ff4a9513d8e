// What the second cache makes of the tiles that blocks move: how many of their bytes pass between
// it and HBM.
//
// It holds the tiles that were used last (LRU), as many as fit. All blocks that are at work move in
// lock step, a tile each in turn: so the blocks of a head, which begin together, find what the
// first of them fetched. A tile that was stored goes to HBM when another takes its place, or at the
// end. The cache is empty at first.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "model/sm.h"
#include "tile/record.h"

namespace flash::model {

// A tile that is loaded or stored, of those of one key head.
struct Move {
  std::int32_t tile, bytes;
  bool stores;
  std::uint8_t tensor = 0;  // its index
};

// What a block moves, or for a piece of work if the kernel is persistent.
struct Piece {
  std::int64_t first_query = 0;  // of a persistent kernel under a causal mask
  std::vector<Move> moves = {};
};

// Of the blocks of a kernel, for one key head.
struct KernelMoves {
  bool is_persistent = false;
  std::vector<Piece> pieces = {};

  std::int64_t count() const;
};

struct Moves {
  std::int32_t tiles = 0;
  // Key heads of which persistent kernels take the longest pieces first; 0: in the grid's order.
  std::int64_t section = 0;
  std::vector<KernelMoves> kernels = {};
};

// Of the blocks of one key head. Tiles of many rows count as several of at most 64, so that what
// was stored as a whole is found in halves.
Moves moves_of(std::span<const tile::BlockRecord> blocks, bool causal);

// What a kernel moves between HBM and the cache.
struct HbmTraffic {
  double bytes = 0;
  // Of each tensor's bytes that blocks load: the share that comes from HBM, and the share that has
  // to be waited for as long, as it does or another block has asked for it in the same round. Of
  // those that they store: the share that goes there.
  using Shares = std::array<double, tile::max_tensors>;
  Shares loaded{}, awaited{}, stored{};
};

// By kernel, for so many key heads like this one: each kernel has `resident` blocks on an SM.
std::vector<HbmTraffic> hbm_traffic(const Gpu& gpu, const Moves& moves, std::int64_t heads,
                                    const std::vector<int>& resident);

}  // namespace flash::model
