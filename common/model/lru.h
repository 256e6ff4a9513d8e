// The second cache: which tiles are in it, and what passes between it and HBM.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "model/l2.h"

namespace flash::model {

// The tiles in the cache are a ring: behind its beginning the one that was used last.
class Lru {
 public:
  Lru(double capacity, std::size_t tiles, std::size_t kernels)
      : capacity_(capacity), beginning_(tiles), tiles_(tiles + 1), traffic_(kernels) {
    tiles_[beginning_] = {.before = beginning_, .after = beginning_};
  }

  // A kernel's, in a round, in which all blocks move a tile each.
  void move(std::size_t tile, const Move& move, std::int64_t round, std::size_t kernel) {
    Tile& moved = tiles_[tile];
    const std::int64_t missing = std::max<std::int64_t>(move.bytes - moved.bytes, 0);
    if (moved.bytes > 0) unlink(moved);
    Amounts& amounts = traffic_[kernel];
    if (move.stores) {
      moved.stored_by = static_cast<int>(kernel);
      moved.tensor = move.tensor;
      amounts.stores[move.tensor] += static_cast<double>(move.bytes);
    } else {
      if (missing > 0) moved.fetched_in = round;
      amounts.loads[move.tensor] += static_cast<double>(move.bytes);
      amounts.traffic.loaded[move.tensor] += static_cast<double>(missing);
      if (moved.fetched_in == round)
        amounts.traffic.awaited[move.tensor] += static_cast<double>(move.bytes);
      amounts.traffic.bytes += static_cast<double>(missing);
    }
    moved.bytes += missing;
    used_ += missing;
    put_first(tile);
    while (static_cast<double>(used_) > capacity_) evict_last();
  }

  // What was stored goes to HBM at the end.
  std::vector<HbmTraffic> traffic_at_the_end() {
    while (used_ > 0) evict_last();
    std::vector<HbmTraffic> all;
    for (Amounts& amounts : traffic_) {
      to_shares(amounts.traffic.loaded, amounts.loads);
      to_shares(amounts.traffic.awaited, amounts.loads);
      to_shares(amounts.traffic.stored, amounts.stores);
      all.push_back(amounts.traffic);
    }
    return all;
  }

 private:
  struct Tile {
    std::size_t before = 0, after = 0;
    std::int64_t bytes = 0;        // 0: it is not in the cache
    std::int64_t fetched_in = -1;  // a round
    int stored_by = -1;            // the kernel, if HBM does not have it yet
    std::uint8_t tensor = 0;       // of what was stored
  };
  // Of a kernel; the traffic's in bytes.
  struct Amounts {
    HbmTraffic traffic = {};
    HbmTraffic::Shares loads{}, stores{};
  };

  static void to_shares(HbmTraffic::Shares& bytes, const HbmTraffic::Shares& of) {
    for (std::size_t i = 0; i < bytes.size(); ++i)
      if (of[i] > 0) bytes[i] /= of[i];
  }

  void unlink(const Tile& tile) {
    tiles_[tile.before].after = tile.after;
    tiles_[tile.after].before = tile.before;
  }
  void put_first(std::size_t tile) {
    const std::size_t next = tiles_[beginning_].after;
    tiles_[tile].before = beginning_;
    tiles_[tile].after = next;
    tiles_[beginning_].after = tiles_[next].before = tile;
  }
  void evict_last() {
    Tile& last = tiles_[tiles_[beginning_].before];
    unlink(last);
    if (last.stored_by >= 0) {
      HbmTraffic& traffic = traffic_[last.stored_by].traffic;
      traffic.bytes += static_cast<double>(last.bytes);
      traffic.stored[last.tensor] += static_cast<double>(last.bytes);
    }
    used_ -= last.bytes;
    last = {};
  }

  double capacity_;
  std::int64_t used_ = 0;
  std::size_t beginning_;
  std::vector<Tile> tiles_;
  std::vector<Amounts> traffic_;
};

}  // namespace flash::model
