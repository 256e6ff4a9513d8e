// What stage 04 promises beyond the shared suite: the bits of no pipeline, schedule or ring differ.
#include <gtest/gtest.h>

#include "tile/cpu/backend.h"
//
#include <attention.h>  // not the one beside this file, if a solution takes its place

#include "testing/counters_of.h"

namespace flash {
namespace {

using stage_04_v3_hopper::Attention;
using stage_04_v3_hopper::Pipeline;

using Launch = void (*)(tile::cpu::Device&, AttentionArgs);

template <Pipeline on, int QueryRows = 128>
void launch(tile::cpu::Device& device, AttentionArgs args) {
  args.schedule = upload(device, Tensor::schedule, longest_first(args, QueryRows));
  launch_persistent<Attention<32, QueryRows, 64, on>>(device, "attention", args.schedule.rows,
                                                      args.dtype, args);
}

Outputs run(Launch attention, const Problem& problem, const Inputs& inputs, bool checked,
            std::uint64_t schedule) {
  tile::cpu::Device device(tile::find_gpu("h100"), 1);
  device.set_checked(checked);
  device.set_schedule(schedule);
  Outputs outputs = unwritten_outputs(problem);
  attention(device, make_args(problem, inputs, outputs));
  return outputs;
}

// Calls f with each combination of the three switches and a ring of 1 to 4 tiles.
template <class F>
void for_each_pipeline(const F& f) {
  const auto with_depth = [&]<int Bits>() {
    constexpr bool specialise = Bits & 1, ping_pong = Bits & 2, overlap = Bits & 4;
    constexpr Pipeline on{specialise, ping_pong, overlap, Bits / 8 + 1};
    f(on, launch<on>);
  };
  [&]<int... Bits>(std::integer_sequence<int, Bits...>) {
    (with_depth.template operator()<Bits>(), ...);
  }
  (std::make_integer_sequence<int, 32>());
}

std::string name(const Pipeline& on) {
  return std::string(on.specialise ? "specialised" : "unspecialised") +
         (on.ping_pong ? ", ping-pong" : "") + (on.overlap ? ", overlap, " : ", ") +
         std::to_string(on.ring_depth) + " tiles";
}

// A causal batch of two lengths; nine visits of key tiles, more than the deepest ring holds.
Problem small_problem() {
  Problem problem{.heads = 1, .kv_heads = 1, .head_dim = 32, .causal = true};
  problem.batch = 2;
  problem.seqlen_q = 150;
  problem.seqlen_k = 310;
  problem.cu_seqlens_q = {0, 150, 170};
  problem.cu_seqlens_k = {0, 310, 330};
  return problem;
}

// Catches a missing barrier, one too many, and a result that depends on who came first.
TEST(Hopper, AThousandSchedulesOfEveryPipeline) {
  const Problem problem = small_problem();
  const Inputs inputs = generate(problem, 4);
  const Outputs expected = run(launch<Pipeline{}>, problem, inputs, false, 0);
  for_each_pipeline([&](const Pipeline& on, Launch attention) {
    for (std::uint64_t schedule = 0; schedule < 1000; ++schedule) {
      const Outputs outputs = run(attention, problem, inputs, true, schedule);
      ASSERT_EQ(outputs.o, expected.o) << name(on) << ", schedule " << schedule;
      ASSERT_EQ(outputs.lse, expected.lse) << name(on) << ", schedule " << schedule;
    }
  });
}

// Catches turns that do not go round, and a row or a slot that the third consumer does not get.
TEST(Hopper, ThreeConsumersShareATileOf192Rows) {
  const Problem problem = small_problem();
  const Inputs inputs = generate(problem, 4);
  const Outputs expected = run(launch<Pipeline{}>, problem, inputs, false, 0);
  for (std::uint64_t schedule = 0; schedule < 1000; ++schedule) {
    const Outputs outputs = run(launch<Pipeline{}, 192>, problem, inputs, true, schedule);
    ASSERT_EQ(outputs.o, expected.o) << "schedule " << schedule;
    ASSERT_EQ(outputs.lse, expected.lse) << "schedule " << schedule;
  }
}

// With overlap the softmax runs while PV of the tile before is in flight: of the products issued so
// far, a wait leaves one group alone. Results and bytes are the same without it, so only the order
// of the operations tells.
TEST(Hopper, PvIsInFlightDuringTheSoftmax) {
  Problem problem{.heads = 1, .kv_heads = 1, .head_dim = 32};
  problem.seqlen_q = 128;
  problem.seqlen_k = 5 * 64;
  const Inputs inputs = generate(problem, 4);
  for_each_pipeline([&](const Pipeline& on, Launch attention) {
    std::vector<tile::BlockRecord> blocks;
    tile::cpu::Device device(tile::find_gpu("h100"), 1);
    device.set_records(&blocks);
    Outputs outputs = unwritten_outputs(problem);
    attention(device, make_args(problem, inputs, outputs));
    int in_flight = 0;
    for (const tile::BlockRecord& block : blocks)
      for (const tile::Event& event : block.events)
        in_flight += event.kind == tile::Event::Kind::wait_products && event.amount == 1;
    // Two consumers, and PV of all key tiles but the last.
    EXPECT_EQ(in_flight, on.overlap ? 2 * 4 : 0)
        << name(on) << ": wait_products<1> leaves PV in flight, wait_products<0> waits for it too";
  });
}

// The tiles in the order that the blocks take them.
std::vector<QueryTile> order(const Problem& problem) {
  const Inputs inputs = generate(problem, 1);
  Outputs outputs = unwritten_outputs(problem);
  return longest_first(make_args(problem, inputs, outputs), 128);
}

// Catches a block that is left with the longest tile when the others are done.
TEST(Hopper, TakesTheLongestTilesFirst) {
  Problem problem{.heads = 2, .kv_heads = 2, .seqlen_q = 300, .seqlen_k = 300, .causal = true};
  std::vector<std::int64_t> query_tiles;
  for (const QueryTile& tile : order(problem)) query_tiles.push_back(tile.query_tile);
  EXPECT_EQ(query_tiles, (std::vector<std::int64_t>{2, 2, 1, 1, 0, 0}));

  problem.causal = false;
  problem.batch = 3;
  problem.cu_seqlens_q = {0, 10, 20, 20};
  problem.cu_seqlens_k = {0, 10, 310, 320};
  std::vector<std::int64_t> batches;
  for (const QueryTile& tile : order(problem)) batches.push_back(tile.batch);
  EXPECT_EQ(batches, (std::vector<std::int64_t>{1, 1, 0, 0}));  // the last has no queries
}

// 256 queries in 2 tiles; 256 keys in 4. Catches a consumer that fetches K and V for itself.
TEST(Hopper, ConsumersShareKeysAndValues) {
  const tile::Counters c =
      counters_of("04_v3_hopper", {.heads = 1, .kv_heads = 1, .seqlen_q = 256, .seqlen_k = 256});
  const std::int64_t matrix = 256 * 64 * 4;
  EXPECT_EQ(c.hbm_read[Tensor::Q], matrix);
  EXPECT_EQ(c.hbm_read[Tensor::K], 2 * matrix);
  EXPECT_EQ(c.hbm_read[Tensor::V], 2 * matrix);
  EXPECT_EQ(c.hbm_write.total(), matrix + 256 * 4);  // O and LSE
}

// Catches on-chip memory that grows with the ring where it should not, or not where it should.
TEST(Hopper, OnChipMemoryHoldsTheRing) {
  const tile::Counters c =
      counters_of("04_v3_hopper", {.heads = 1, .kv_heads = 1, .seqlen_q = 256, .seqlen_k = 256});
  const std::int64_t shared = (128 + 2 * 64 + 2 * 64) * 64;      // Q, two tiles of K, two of V
  const std::int64_t consumer = 2 * 64 * 64 + 64 * 64 + 3 * 64;  // S, P, O, m, l, rescale
  EXPECT_EQ(c.on_chip_peak, 4 * (shared + 2 * consumer));
}

}  // namespace
}  // namespace flash
