// Timelines that can be worked out by hand, on a GPU of round numbers.
#include "model/simulate.h"

#include <gtest/gtest.h>

namespace flash::model {
namespace {

using tile::BlockRecord;
using tile::DType;
using tile::Event;
using tile::Op;
using tile::Unit;

// 1000 FLOPs of products, 10 exponentials, 100 FP32 results and 10 bytes a clock; nothing else
// takes time.
constexpr Gpu round_gpu() {
  Gpu gpu{};
  gpu.name = "round";
  gpu.sms = 1;
  gpu.clock_hz = 1e9;
  gpu.flops_16bit = 1000;
  gpu.mma_sync = {500, 500, 250};
  gpu.exponentials = {10, 5};
  gpu.fma = gpu.maxima = gpu.conversions = {100, 100};
  gpu.l2_bytes_per_s = 10e9;
  gpu.shared_bytes = 1000;
  gpu.register_bytes = 1000;
  gpu.max_blocks = 4;
  return gpu;
}

Event of(int role, Event::Kind kind, std::int64_t amount = 0, int barrier = -1) {
  return {.kind = kind,
          .role = static_cast<std::int8_t>(role),
          .barrier = static_cast<std::int16_t>(barrier),
          .amount = amount};
}
Event product(int role, std::int64_t flops, Event::Kind kind = Event::Kind::product) {
  Event event = of(role, kind);
  event.op = {.name = "mma_AB", .unit = Unit::tensor_core, .flops = flops};
  return event;
}
Event exponentials(int role, std::int64_t count) {
  Event event = of(role, Event::Kind::op);
  event.op = {.name = "log_sum_exp", .unit = Unit::exponential, .elements = count};
  return event;
}
Event wait_products(int role, std::int64_t left) {
  return of(role, Event::Kind::wait_products, left);
}
Event commit(int role) {
  return of(role, Event::Kind::commit);
}

BlockRecord block(std::vector<std::string> roles, std::vector<Event> events,
                  std::vector<tile::BarrierRecord> barriers = {}) {
  BlockRecord record;
  record.kernel = "planted";
  record.dtype = DType::bf16;
  record.roles = std::move(roles);
  record.tiles = {"t"};
  record.barriers = std::move(barriers);
  record.events = std::move(events);
  for (Event& event : record.events) event.tile = event.op.name.empty() ? -1 : 0;
  return record;
}

Timeline run(const BlockRecord& record) {
  static constexpr Gpu gpu = round_gpu();
  const BlockRecord* const one = &record;
  return simulate(gpu, {&one, 1}, 1, {}, true);
}

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

// Measured on an H100 (docs/results/gpu_h100.json, mma_sync_tile, attention_loop):
// FlashAttention-2's inner loop without its copies, clocks for a tile of each of two blocks.
TEST(Simulation, TwoBlocksOnAnSmTakeWhatWasMeasured) {
  const auto cycles_of_a_tile = [](int keys, int head_dim) {
    constexpr int tiles = 50, queries = 128;
    std::vector<Event> events;
    for (int tile = 0; tile < tiles; ++tile) {
      events.push_back(product(0, 2 * queries * keys * head_dim, Event::Kind::op));
      for (const char* name : {"update_row_max", "exp2_difference", "add_row_sum", "convert"}) {
        events.push_back(exponentials(0, queries * keys));
        events.back().op.name = name;
      }
      events.push_back(exponentials(0, queries * head_dim));
      events.back().op.name = "scale_rows";
      events.push_back(product(0, 2 * queries * keys * head_dim, Event::Kind::op));
    }
    BlockRecord record = block({""}, events);
    record.head_dim = head_dim;
    const std::vector<const BlockRecord*> two(2, &record);
    return simulate(find_gpu("h100"), two, 2).cycles / (2 * tiles);
  };
  EXPECT_NEAR(cycles_of_a_tile(64, 128), 2319, 0.02 * 2319);
  EXPECT_NEAR(cycles_of_a_tile(128, 64), 2922, 0.09 * 2922);  // whose registers were short
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

// Measured on an H100 (docs/results/gpu_h100.json, softmax): a tile of 64 x 128 scores in one
// warpgroup and in two, beside a third whose products never end.
TEST(Simulation, ASoftmaxBesideProductsTakesWhatWasMeasured) {
  const auto cycles_of_a_tile = [](int warpgroups) {
    constexpr int tiles = 50, scores = 64 * 128;
    std::vector<std::string> roles = {"products"};
    std::vector<Event> events = {product(0, std::int64_t{1} << 40), commit(0)};
    for (int role = 1; role <= warpgroups; ++role) {
      roles.push_back("softmax");
      for (int tile = 0; tile < tiles; ++tile) {
        for (const char* name : {"update_row_max", "exp2_difference", "add_row_sum", "convert"}) {
          Event event = exponentials(role, scores);
          event.op.name = name;
          events.push_back(event);
        }
        events.push_back(of(role, Event::Kind::arrive, 0, role - 1));  // all of it is done
      }
    }
    const BlockRecord record = block(roles, events, {{"a", 1}, {"b", 1}});
    const BlockRecord* const one = &record;
    const Timeline t = simulate(find_gpu("h100"), {&one, 1}, 1, {}, true);
    double end = 0;
    for (const Interval& interval : t.intervals)
      if (interval.role > 0) end = std::max(end, interval.end);
    return end / tiles;
  };
  EXPECT_NEAR(cycles_of_a_tile(1), 1027, 0.05 * 1027);
  EXPECT_NEAR(cycles_of_a_tile(2), 1614, 0.02 * 1614);
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

// Two roles with a product and exponentials each: together as long as the unit that is used most.
TEST(Simulation, RolesShareUnits) {
  const Timeline t =
      run(block({"a", "b"}, {product(0, 40'000, Event::Kind::op), exponentials(0, 10),
                             product(1, 40'000, Event::Kind::op)}));
  EXPECT_DOUBLE_EQ(t.busy[static_cast<int>(Lane::tensor)], 160);
  EXPECT_DOUBLE_EQ(t.cycles, 160);
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
  EXPECT_EQ(resident_blocks(gpu, block({"producer", "consumer"}, {})), 1);
}

TEST(Simulation, NoUnitIsBusyForLongerThanThereIsTime) {
  const Timeline t = run(block({"a", "b"}, {product(0, 5'000), commit(0), exponentials(0, 77),
                                            exponentials(1, 50), wait_products(0, 0)}));
  for (const double busy : t.busy) EXPECT_LE(busy, t.cycles);
  for (const Interval& i : t.intervals) EXPECT_TRUE(i.begin >= 0 && i.end <= t.cycles);
}

}  // namespace
}  // namespace flash::model
