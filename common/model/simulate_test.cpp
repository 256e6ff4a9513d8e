// Timelines that can be worked out by hand, on a GPU of round numbers.
#include "model/simulate.h"

#include <gtest/gtest.h>

#include "testing/records.h"

namespace flash::model {
namespace {

TEST(Simulation, AProductTakesWhatTheRateSays) {
  const Timeline t = run(block({""}, {product(0, 50'000), commit(0), wait_products(0, 0)}));
  EXPECT_DOUBLE_EQ(t.cycles, 50);
  EXPECT_DOUBLE_EQ(t.busy[static_cast<int>(Lane::tensor)], 50);
  EXPECT_DOUBLE_EQ(t.product_flops, 50'000);
}

TEST(Simulation, ASynchronousProductIsSlower) {
  EXPECT_DOUBLE_EQ(run(block({""}, {product(0, 50'000, Event::Kind::op)})).cycles, 100);
}

// Products of mma.sync and what else is done take turns, whichever began first: 10 cycles of
// exponentials, of which 2 are beside FMAs.
TEST(Simulation, SynchronousProductsStandStillBesideOthers) {
  const Event multiply = product(0, 50'000, Event::Kind::op);
  EXPECT_DOUBLE_EQ(run(block({"a", "b"}, {multiply, exponentials(1, 100), multiply})).cycles,
                   100 + 10 + 100);
  EXPECT_DOUBLE_EQ(
      run(block({"a", "b"}, {exponentials(0, 100), product(1, 50'000, Event::Kind::op)})).cycles,
      10 + 100);
}

// Another block's exponentials, from 10 to 20, cut a product of 100 cycles in two.
TEST(Simulation, AProductThatStandsStillIsInTwoParts) {
  static constexpr Gpu gpu = round_gpu();
  Event load = of(0, Event::Kind::op);
  load.op = {.name = "load", .unit = Unit::copy, .bytes = 100};
  const BlockRecord a = block({""}, {product(0, 50'000, Event::Kind::op), exponentials(0, 100)});
  const BlockRecord b = block({""}, {load, exponentials(0, 100)});
  const std::vector<const BlockRecord*> both = {&a, &b};
  const Timeline t = simulate(gpu, both, 2, {}, true);
  std::vector<std::pair<double, double>> products;
  for (const Interval& i : t.intervals)
    if (i.lane == static_cast<int>(Lane::tensor)) products.push_back({i.begin, i.end});
  EXPECT_EQ(products, (std::vector<std::pair<double, double>>{{0, 10}, {20, 110}}));
  EXPECT_DOUBLE_EQ(t.busy[static_cast<int>(Lane::tensor)], 100);
  EXPECT_DOUBLE_EQ(t.cycles, 120);  // its own exponentials follow
}

// Without waiting in between a product and exponentials take as long as the longer of the two, but
// exponentials beside products are at half speed; with a wait, as long as both.
TEST(Simulation, OverlapsWhatDoesNotWait) {
  const auto cycles = [](std::vector<Event> events) { return run(block({""}, events)).cycles; };
  EXPECT_DOUBLE_EQ(
      cycles({product(0, 50'000), commit(0), wait_products(0, 0), exponentials(0, 300)}), 80);
  // 50 cycles at 5 a clock leave 50 of 300 exponentials, which take 5 at 10 a clock.
  EXPECT_DOUBLE_EQ(
      cycles({product(0, 50'000), commit(0), exponentials(0, 300), wait_products(0, 0)}), 55);
}

// L2 adds, so the read takes the SM no time, and nobody waits: 30 fp32 additions at 2 a clock. A
// role waits, as its tile has to stay in shared memory until it has left.
TEST(Simulation, AnAdditionIsNotWaitedFor) {
  Gpu gpu = round_gpu();
  gpu.additions_per_s = 2e9;
  std::vector<Event> events = {of(0, Event::Kind::op), of(0, Event::Kind::op),
                               exponentials(0, 100)};
  events[0].op = {.name = "atomic_add", .unit = Unit::copy, .bytes = 30 * 4};
  events[1].op = events[0].op;
  events[1].op.writes_hbm = true;
  const BlockRecord record = block({""}, events), *const one = &record;
  const Timeline t = simulate(gpu, {&one, 1}, 1);
  EXPECT_DOUBLE_EQ(t.adding, 15);
  EXPECT_DOUBLE_EQ(t.block_ends[0], 10);
  EXPECT_DOUBLE_EQ(t.cycles, 15);
  const BlockRecord roles = block({"writer", "consumer"}, events), *const other = &roles;
  EXPECT_DOUBLE_EQ(simulate(gpu, {&other, 1}, 1).cycles, 25);
}

TEST(Simulation, TheSecondGroupMayBeInFlight) {
  const Timeline t = run(block({""}, {product(0, 10'000), commit(0), product(0, 90'000), commit(0),
                                      wait_products(0, 1), exponentials(0, 100)}));
  // The first ends at 10; 20 more cycles of exponentials at half speed, beside the second.
  double begin = -1;
  for (const Interval& i : t.intervals)
    if (i.lane == static_cast<int>(Lane::exponential)) begin = i.begin;
  EXPECT_DOUBLE_EQ(begin, 10);
  EXPECT_DOUBLE_EQ(t.cycles, 30);
}

// The products of two roles, one after the other, and a cycle of exponentials in which they stand
// still.
TEST(Simulation, RolesShareUnits) {
  const Timeline t =
      run(block({"a", "b"}, {product(0, 40'000, Event::Kind::op), exponentials(0, 10),
                             product(1, 40'000, Event::Kind::op)}));
  EXPECT_DOUBLE_EQ(t.busy[static_cast<int>(Lane::tensor)], 160);
  EXPECT_DOUBLE_EQ(t.cycles, 161);
}

// A producer and a consumer of 100 bytes a tile: 10 cycles to copy, 10 to multiply.
double ring(int depth, int tiles) {
  std::vector<tile::BarrierRecord> barriers;
  for (int slot = 0; slot < depth; ++slot) {
    barriers.push_back({"full", 1});
    barriers.push_back({"empty", 1});
  }
  std::vector<Event> events;
  for (int n = 0; n < tiles; ++n) {
    const int full = n % depth * 2, parity = n / depth % 2;
    events.push_back(of(0, Event::Kind::wait, parity ^ 1, full + 1));
    events.push_back(of(0, Event::Kind::arrive, 100, full));
    events.push_back(of(0, Event::Kind::copy, 100, full));
    events.push_back(of(1, Event::Kind::wait, parity, full));
    events.push_back(product(1, 10'000));
    events.push_back(commit(1));
    events.push_back(wait_products(1, 0));
    events.push_back(of(1, Event::Kind::arrive, 0, full + 1));
  }
  return run(block({"producer", "consumer"}, events, barriers)).cycles;
}

TEST(Simulation, ARingOfOneTileSerialises) {
  EXPECT_DOUBLE_EQ(ring(1, 10), 10 * (10 + 10));
  EXPECT_DOUBLE_EQ(ring(2, 10), 10 + 10 * 10);  // the first copy, then the products
}

// Two roles hand a turn to and fro: their products never overlap.
TEST(Simulation, NamedBarriersTakeTurns) {
  std::vector<Event> events = {of(1, Event::Kind::arrive, 0, 0)};
  for (int n = 0; n < 5; ++n)
    for (int role = 0; role < 2; ++role) {
      events.push_back(of(role, Event::Kind::sync, 0, role));
      events.push_back(exponentials(role, 100));
      events.push_back(of(role, Event::Kind::arrive, 0, 1 - role));
    }
  const Timeline t = run(block({"a", "b"}, events, {{"turn[0]", 2}, {"turn[1]", 2}}));
  EXPECT_DOUBLE_EQ(t.cycles, 10 * 10);
}

// A load is one tile ahead, so a kernel that only loads takes bytes / bandwidth.
TEST(Simulation, BandwidthBoundsAKernelThatLoads) {
  Event load = of(0, Event::Kind::op);
  load.op = {.name = "load", .unit = Unit::copy, .bytes = 100};
  const Timeline t = run(block({""}, std::vector<Event>(20, load)));
  EXPECT_DOUBLE_EQ(t.cycles, 20 * 10);
  EXPECT_DOUBLE_EQ(t.copied_bytes, 2000);
}

// What a block loads first it asks for when it begins, not while the one before is at work.
TEST(Simulation, ABlockBeginsWithItsLoads) {
  static constexpr Gpu gpu = round_gpu();
  Event load = of(0, Event::Kind::op);
  load.op = {.name = "load", .unit = Unit::copy, .bytes = 100};
  const BlockRecord one = block({""}, {load, exponentials(0, 100)});
  const std::vector<const BlockRecord*> two(2, &one);
  EXPECT_DOUBLE_EQ(simulate(gpu, two, 1).cycles, 2 * (10 + 10));
  EXPECT_DOUBLE_EQ(simulate(gpu, two, 2).cycles, 10 + 10 + 10);
}

// 10 bytes a cycle from L2, 5 from HBM: that one decides which has more to do. Who waits for what
// comes from there waits longer, also for a tile that another block has asked for.
TEST(Simulation, CopiesComeFromHbmAtItsSpeed) {
  Gpu gpu = round_gpu();
  gpu.hbm_bytes_per_s = 5e9;
  gpu.hbm_latency = 7;
  Event load = of(0, Event::Kind::op);
  load.op = {.name = "load", .unit = Unit::copy, .bytes = 100, .tensor = {3, "K"}};
  const auto cycles = [&](double loaded, double awaited, double stored, bool stores, int times) {
    load.op.writes_hbm = stores;
    HbmTraffic hbm;
    hbm.loaded[3] = loaded, hbm.awaited[3] = awaited, hbm.stored[3] = stored;
    const BlockRecord record = block({""}, std::vector<Event>(times, load)), *const one = &record;
    return simulate(gpu, {&one, 1}, 1, hbm).cycles;
  };
  EXPECT_DOUBLE_EQ(cycles(0, 0, 0, false, 1), 10);
  EXPECT_DOUBLE_EQ(cycles(1, 0, 0, false, 1), 20);
  EXPECT_DOUBLE_EQ(cycles(1, 1, 0, false, 1), 20 + 7);
  EXPECT_DOUBLE_EQ(cycles(0.25, 1, 0, false, 1), 10 + 7);
  EXPECT_DOUBLE_EQ(cycles(1, 0, 0, false, 20), 20 * 20);
  EXPECT_DOUBLE_EQ(cycles(0, 0, 1, true, 20), 20 * 10);  // nobody waits for what is stored
}

TEST(Simulation, BlocksWaitForAPlace) {
  static constexpr Gpu gpu = round_gpu();
  const BlockRecord one = block({""}, {exponentials(0, 100)});
  const std::vector<const BlockRecord*> four(4, &one);
  EXPECT_DOUBLE_EQ(simulate(gpu, four, 1).cycles, 40);
  EXPECT_DOUBLE_EQ(simulate(gpu, four, 4).cycles, 40);  // they share the unit
  BlockRecord large = one;
  large.shared_bytes = 400;
  EXPECT_EQ(resident_blocks(gpu, large), 2);
  large.register_bytes = 600;
  EXPECT_EQ(resident_blocks(gpu, large), 1);
  large.converted_bytes = 100;  // lie where their accumulator was
  EXPECT_EQ(resident_blocks(gpu, large), 2);
  EXPECT_EQ(resident_blocks(gpu, block({"producer", "consumer"}, {})), 1);
}

TEST(Simulation, NoUnitIsBusyForLongerThanThereIsTime) {
  for (const Event::Kind kind : {Event::Kind::product, Event::Kind::op}) {
    const Timeline t =
        run(block({"a", "b"},
                  {product(0, 5'000, kind), commit(0), exponentials(0, 77), product(1, 5'000, kind),
                   exponentials(1, 50), exponentials(1, 5), wait_products(0, 0)}));
    for (const double busy : t.busy) EXPECT_LE(busy, t.cycles);
    for (const Interval& i : t.intervals)
      EXPECT_TRUE(i.begin >= 0 && i.begin < i.end && i.end <= t.cycles) << i.label;
  }
}

}  // namespace
}  // namespace flash::model
