// Traffic that can be worked out by hand: tiles of 100 bytes.
#include "model/l2.h"

#include <gtest/gtest.h>

namespace flash::model {
namespace {

using tile::BlockRecord;
using tile::Event;

Gpu gpu_of(int sms, double l2_bytes) {
  Gpu gpu{};
  gpu.sms = sms;
  gpu.l2_bytes = l2_bytes;
  return gpu;
}

// Tile i of a tensor, which the view tells from others.
Event moved(const char& view, int i, bool stores = false, int rows = 64) {
  Event event{.kind = Event::Kind::op};
  event.op = {.name = stores ? "store" : "load",
              .unit = tile::Unit::copy,
              .bytes = 100 * rows / 64,
              .writes_hbm = stores,
              .place = {&view, i * 64, 0, rows}};
  return event;
}

constexpr char K = 'K', Q = 'Q', S = 'S';  // for their addresses

BlockRecord block(std::string kernel, std::vector<Event> events) {
  BlockRecord record;
  record.kernel = std::move(kernel);
  record.roles = {""};
  record.events = std::move(events);
  return record;
}

// Of so many blocks, each of which passes over four tiles.
std::vector<BlockRecord> sweeps(int blocks) {
  return std::vector<BlockRecord>(
      blocks, block("sweep", {moved(K, 0), moved(K, 1), moved(K, 2), moved(K, 3)}));
}

double from_hbm(const Gpu& gpu, const std::vector<BlockRecord>& blocks, int heads = 1,
                int resident = 1) {
  const Moves moves = moves_of(blocks, true);
  double sum = 0;
  for (const HbmTraffic& traffic :
       hbm_traffic(gpu, moves, heads, std::vector<int>(moves.kernels.size(), resident)))
    sum += traffic.bytes;
  return sum;
}

// By kernel.
std::vector<double> hbm_bytes(const Gpu& gpu, const Moves& moves, std::int64_t heads,
                              const std::vector<int>& resident) {
  std::vector<double> bytes;
  for (const HbmTraffic& traffic : hbm_traffic(gpu, moves, heads, resident))
    bytes.push_back(traffic.bytes);
  return bytes;
}

TEST(L2, TilesThatFitComeOnce) {
  EXPECT_EQ(from_hbm(gpu_of(1, 400), sweeps(3)), 400);
}

// The least recently used tile is the one that is needed next: with room for three of four tiles
// none is found.
TEST(L2, EachSweepOverMoreThanFitsMisses) {
  EXPECT_EQ(from_hbm(gpu_of(1, 300), sweeps(3)), 3 * 400);
}

// Not the tile that came first gives way, but the one whose last use is longest ago.
TEST(L2, ATileThatIsUsedStays) {
  EXPECT_EQ(
      from_hbm(gpu_of(1, 200),
               {block("", {moved(K, 0), moved(K, 1), moved(K, 0), moved(K, 2), moved(K, 0)})}),
      300);
}

TEST(L2, BlocksInLockStepShareEachTile) {
  EXPECT_EQ(from_hbm(gpu_of(2, 300), sweeps(2)), 400);
  EXPECT_EQ(from_hbm(gpu_of(1, 300), sweeps(2), 1, 2), 400);  // on one SM
  EXPECT_EQ(from_hbm(gpu_of(2, 300), sweeps(3)), 800);        // the third is alone
}

// Blocks of two query heads read one key head; another key head has keys of its own.
TEST(L2, AKeyHeadIsSharedByItsGroup) {
  const std::vector<BlockRecord> group = {block("", {moved(Q, 0), moved(K, 0)}),
                                          block("", {moved(Q, 1), moved(K, 0)})};
  EXPECT_EQ(from_hbm(gpu_of(1, 1000), group), 300);
  EXPECT_EQ(from_hbm(gpu_of(1, 1000), group, 4), 4 * 300);
}

// What one kernel leaves for the next: scores that fit go to HBM once, at the end; others are
// written and read.
TEST(L2, AWorkspaceThatDoesNotFitIsWrittenAndRead) {
  const std::vector<BlockRecord> two_kernels = {
      block("scores", {moved(S, 0, true), moved(S, 1, true), moved(S, 2, true)}),
      block("softmax", {moved(S, 0), moved(S, 1), moved(S, 2)})};
  EXPECT_EQ(from_hbm(gpu_of(1, 300), two_kernels), 300);
  EXPECT_EQ(from_hbm(gpu_of(1, 200), two_kernels), 300 + 300);
  EXPECT_EQ(hbm_bytes(gpu_of(1, 200), moves_of(two_kernels, false), 1, {1, 1}),
            (std::vector<double>{300, 300}));
}

TEST(L2, WhatIsStoredAgainGoesToHbmOnce) {
  EXPECT_EQ(
      from_hbm(gpu_of(1, 100), {block("", {moved(S, 0, true), moved(S, 0), moved(S, 0, true)})}),
      100);
}

TEST(L2, WhatWasStoredAsAWholeIsFoundInParts) {
  EXPECT_EQ(from_hbm(gpu_of(1, 1000), {block("", {moved(S, 0, true, 160), moved(S, 0), moved(S, 1),
                                                  moved(S, 2, false, 32)})}),
            250);
}

// A short tile that grows brings what is new.
TEST(L2, OnlyWhatIsMissingComes) {
  EXPECT_EQ(from_hbm(gpu_of(1, 1000), {block("", {moved(K, 0, false, 32), moved(K, 0)})}), 100);
}

// What copies have to wait for: two blocks ask for a tile in one round, which comes once; three in
// turn find it.
TEST(L2, SharesOfATensorComeFromHbm) {
  std::vector<BlockRecord> blocks(3, block("", {moved(K, 0), moved(Q, 0, true)}));
  for (BlockRecord& one : blocks) {
    one.events[0].op.tensor = {1, "K"};
    one.events[1].op.tensor = {2, "O"};
  }
  const auto traffic = [&](int sms) {
    return hbm_traffic(gpu_of(sms, 1000), moves_of(blocks, false), 1, {1}).at(0);
  };
  EXPECT_DOUBLE_EQ(traffic(1).loaded[1], 1.0 / 3);
  EXPECT_DOUBLE_EQ(traffic(1).awaited[1], 1.0 / 3);
  EXPECT_DOUBLE_EQ(traffic(3).loaded[1], 1.0 / 3);
  EXPECT_DOUBLE_EQ(traffic(3).awaited[1], 1);
  EXPECT_DOUBLE_EQ(traffic(1).stored[2], 1.0 / 3);  // the same place, three times
  EXPECT_DOUBLE_EQ(traffic(1).bytes, 200);
  // In the first round of the next kernel K is there.
  std::vector<BlockRecord> two_kernels = {blocks[0], blocks[1]};
  two_kernels[1].kernel = "next";
  const auto next = hbm_traffic(gpu_of(1, 1000), moves_of(two_kernels, false), 1, {1, 1}).at(1);
  EXPECT_DOUBLE_EQ(next.loaded[1], 0);
  EXPECT_DOUBLE_EQ(next.awaited[1], 0);
}

// More moves than are simulated: each head costs as much as another.
TEST(L2, ManyHeadsAreEstimatedFromSome) {
  BlockRecord many = block("", {});
  for (int i = 0; i < 200'000; ++i) many.events.push_back(moved(K, i % 4));
  EXPECT_DOUBLE_EQ(from_hbm(gpu_of(1, 400), {many}, 5000), 5000 * 400);
}

// The pieces of a persistent kernel are taken longest first, over the heads of a section: the first
// head's queries from row 0 on come when the second's later ones have driven its keys out.
TEST(L2, PersistentBlocksTakeTheLongestFirst) {
  const Event take{.kind = Event::Kind::work};
  Event late = moved(Q, 1), early = moved(Q, 0);
  late.op.name = early.op.name = "load_async";
  const std::vector<BlockRecord> persistent = {
      block("", {take, late, moved(K, 0), moved(K, 1), take, early, moved(K, 0)})};
  Moves causal = moves_of(persistent, true);
  const Moves full = moves_of(persistent, false);
  causal.section = 2;
  ASSERT_TRUE(causal.kernels[0].is_persistent);
  ASSERT_EQ(causal.kernels[0].pieces.size(), 2u);
  // The queries of two heads, and keys: two tiles of a head and, under a mask, one of them again.
  EXPECT_EQ(hbm_bytes(gpu_of(1, 300), causal, 2, {1}), (std::vector<double>{400 + 2 * 300}));
  EXPECT_EQ(hbm_bytes(gpu_of(1, 300), full, 2, {1}), (std::vector<double>{400 + 2 * 200}));
  // In the order of the grid the early queries of a head come first: its first key is still there.
  causal.section = 0;
  EXPECT_EQ(hbm_bytes(gpu_of(1, 200), causal, 2, {1}), (std::vector<double>{400 + 2 * 200}));
  causal.section = 1;  // one head after the other, the late queries first
  EXPECT_EQ(hbm_bytes(gpu_of(1, 200), causal, 2, {1}), (std::vector<double>{400 + 2 * 300}));
  EXPECT_EQ(hbm_bytes(gpu_of(1, 300), causal, 2, {1}), (std::vector<double>{400 + 2 * 200}));
}

}  // namespace
}  // namespace flash::model
