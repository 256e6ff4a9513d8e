// The model beside what common/model/measured found on an H100 (docs/results/gpu_h100.json).
#include <gtest/gtest.h>

#include "testing/records.h"

namespace flash::model {
namespace {

// `softmax`: a tile of 64 x 128 scores in one warpgroup and in two, beside a third whose products
// never end.
TEST(Measured, ASoftmaxBesideProductsTakesWhatWasMeasured) {
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

// `mma_sync_tile`, attention_loop: FlashAttention-2's inner loop without its copies, clocks for a
// tile of each of two blocks.
TEST(Measured, TwoBlocksOnAnSmTakeWhatWasMeasured) {
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
  EXPECT_NEAR(cycles_of_a_tile(128, 64), 2922, 0.02 * 2922);
}

}  // namespace
}  // namespace flash::model
