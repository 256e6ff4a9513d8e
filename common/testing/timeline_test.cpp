// What is recorded of real kernels, and the file that a viewer takes.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "check/checker.h"
#include "check/generator.h"
#include "model/share.h"
#include "model/trace.h"
#include "stages/execute.h"
#include "testing/recordings.h"

namespace flash::model {
namespace {

// Catches an operation that moves or does something and is not in the record.
TEST(Recording, HoldsWhatIsCounted) {
  const Recording recording = recorded("03_v2");
  std::int64_t read = 0, written = 0, flops = 0, exponentials = 0;
  for (const tile::BlockRecord& block : recording.blocks)
    for (const tile::Event& event : block.events) {
      (event.op.writes_hbm ? written : read) += event.op.bytes;
      flops += event.op.flops;
      exponentials += event.op.exponentials;
    }
  EXPECT_EQ(read * recording.copies, recording.counters.hbm_read.total());
  EXPECT_EQ(written * recording.copies, recording.counters.hbm_write.total());
  EXPECT_EQ(flops * recording.copies, recording.counters.flops);
  EXPECT_EQ(exponentials * recording.copies, recording.counters.exponentials);
}

// The same of the backward pass; each addition to dQ is a read and a write.
TEST(Recording, OfABackwardPassHoldsWhatIsCounted) {
  for (const char* stage : {"00_naive", "02_online_softmax", "03_v2", "04_v3_hopper"}) {
    const Recording recording = recorded_backward(stage);
    const tile::Counters& counted = recording.counters;
    std::int64_t read = 0, written = 0, flops = 0, exponentials = 0, moved = 0;
    for (const tile::BlockRecord& block : recording.blocks)
      for (const tile::Event& event : block.events) {
        (event.op.writes_hbm ? written : read) += event.op.bytes;
        flops += event.op.flops;
        exponentials += event.op.exponentials;
      }
    for (const KernelMoves& kernel : recording.moves.kernels)
      for (const Piece& piece : kernel.pieces)
        for (const Move& move : piece.moves) moved += move.bytes;
    EXPECT_EQ(read * recording.copies, counted.hbm_read.total()) << stage;
    EXPECT_EQ(written * recording.copies, counted.hbm_write.total()) << stage;
    EXPECT_EQ(moved * recording.copies, counted.hbm_bytes()) << stage;
    EXPECT_EQ(flops * recording.copies, counted.flops) << stage;
    EXPECT_EQ(exponentials * recording.copies, counted.exponentials) << stage;
  }
}

// P lies where S was: 128 x 64 of its 16-bit elements in a block's registers.
TEST(Recording, KnowsWhatIsConverted) {
  const Recording recording = recorded("03_v2");
  for (const tile::BlockRecord& block : recording.blocks) {
    EXPECT_EQ(block.converted_bytes, 128 * 64 * 2);
    EXPECT_GT(block.register_bytes, block.converted_bytes);
  }
}

// Catches a tile that the L2 model does not see, and a piece of work that it gives to another head.
TEST(Recording, MovesWhatIsCounted) {
  for (const char* stage : {"03_v2", "04_v3_hopper"}) {
    const Recording recording = recorded(stage);
    std::int64_t bytes = 0;
    for (const KernelMoves& kernel : recording.moves.kernels)
      for (const Piece& piece : kernel.pieces)
        for (const Move& move : piece.moves) bytes += move.bytes;
    EXPECT_EQ(bytes * recording.copies, recording.counters.hbm_bytes()) << stage;
  }
}

// With one SM its block does all the work, in whatever order.
TEST(Recording, OfAPersistentBlockHoldsItsPieces) {
  Gpu one_sm = find_gpu("h100");
  one_sm.sms = 1;
  const Recording recording = recorded("04_v3_hopper", one_sm);
  ASSERT_EQ(recording.blocks.size(), 1u);
  EXPECT_TRUE(is_persistent(recording.blocks[0]));
  std::int64_t flops = 0;
  for (const tile::Event& event : recording.blocks[0].events) flops += event.op.flops;
  EXPECT_EQ(flops, recording.counters.flops);
  EXPECT_DOUBLE_EQ(recording.persistent_tail, 0);
}

// Catches a kernel that is wrong with three consumers, or with 80 or 176 keys, none of which a CPU
// runs.
TEST(PublishedTiles, GiveWhatTheStageGives) {
  for (const bool causal : {false, true})
    for (const std::int64_t head_dim : {64, 128, 256}) {
      const Stage& stage = find_stage("04_v3_hopper", stages_with_published_tiles(causal));
      const DType dtype = head_dim == 128 ? DType::f16 : DType::bf16;
      Problem p = problem;
      p.causal = causal;
      p.head_dim = head_dim;
      p.dtype = dtype;
      const Inputs inputs = generate(p, 1);
      tile::cpu::Device device;
      const CheckResult result = check(p, expect(p, inputs), execute(stage, device, p, inputs));
      EXPECT_TRUE(result.passed) << "d = " << head_dim << ": " << describe(result);
    }
}

// The format: complete events with a beginning and a duration, in processes and threads that are
// named.
TEST(Trace, FollowsTheFormat) {
  Gpu gpu = find_gpu("h100");
  gpu.copied_per_cycle = 0;  // an SM has its share, however few there are
  const Recording recording = recorded("04_v3_hopper");
  const Prediction prediction = predict(gpu, recording, true);
  const auto trace = trace_of(gpu, prediction.kernels[0].sm, recording.blocks[0].roles);
  std::set<std::pair<int, int>> named;
  double copied = 0;
  for (const auto& event : trace.at("traceEvents")) {
    const std::pair<int, int> thread = {event.at("pid"), event.at("tid")};
    if (event.at("ph") == "M") {
      if (event.at("name") == "thread_name") named.insert(thread);
      continue;
    }
    EXPECT_EQ(event.at("ph"), "X");
    EXPECT_GE(event.at("dur").get<double>(), 0);
    EXPECT_TRUE(named.contains(thread));
    if (event.at("cat") == "copies") copied += event.at("dur").get<double>();
  }
  const double rate = gpu.l2_bytes_per_s / gpu.sms;
  EXPECT_NEAR(copied * 1e-6 * rate, prediction.kernels[0].sm.copied_bytes,
              1e-6 * prediction.kernels[0].sm.copied_bytes);
}

}  // namespace
}  // namespace flash::model
