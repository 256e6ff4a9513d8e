// Blocks that change HBM in turn.
#include <chrono>

#include "testing/tile_test.h"

namespace tile {
namespace {

class TurnsTest : public testing::Test {
 protected:
  std::vector<std::int32_t> memory = std::vector<std::int32_t>(4, 0);
  HbmTurns turns{Tensor::scales, memory.data(), 4};
};

// Each block multiplies and adds: only one order gives the result.
TEST_F(TurnsTest, BlocksTakeTheirTurns) {
  constexpr std::int64_t blocks = 50;
  std::uint64_t expected = 0;
  for (std::uint64_t i = 0; i < blocks; ++i) expected = 3 * expected + i;
  for (const int threads : {1, 2, 5}) {
    memory.assign(4, 7);
    cpu::Device device(find_gpu("h100"), threads);
    launch_lambda(device, "begin", {4, 1, 1}, DType::f32,
                  [&](Block& block) { first_turn(block, turns, block.position().x); });
    std::uint64_t sum = 0;
    launch_lambda(device, "add", {blocks, 1, 1}, DType::f32, [&](Block& block) {
      const std::int64_t x = block.position().x;
      wait_turn(block, turns, 2, x);
      sum = 3 * sum + static_cast<std::uint64_t>(x);
      pass_turn(block, turns, 2);
    });
    EXPECT_EQ(sum, expected) << threads;
    EXPECT_EQ(memory[2], blocks);
    EXPECT_EQ(device.counters().hbm_read[Tensor::scales], 4 * blocks);
    EXPECT_EQ(device.counters().hbm_write[Tensor::scales], 4 * (4 + blocks));
  }
}

// A block that fails does not leave the others waiting for its turn.
TEST_F(TurnsTest, NobodyWaitsForABlockThatFailed) {
  cpu::Device device(find_gpu("h100"), 3);
  const auto begin = std::chrono::steady_clock::now();
  const auto run = [&] {
    launch_lambda(device, "add", {3, 1, 1}, DType::f32, [&](Block& block) {
      const std::int64_t x = block.position().x;
      if (x == 0) block.fail("no");
      wait_turn(block, turns, 0, x);
    });
  };
  EXPECT_THROW(run(), TileError);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));
}

// On one core a turn that is not there never comes, and half a minute for each problem is long.
TEST_F(TurnsTest, OfBlocksOnOneCoreIsThereOrFailsAtOnce) {
  cpu::Device device(find_gpu("h100"), 1);
  const auto begin = std::chrono::steady_clock::now();
  const auto run = [&] {
    launch_lambda(device, "add", {3, 1, 1}, DType::f32,
                  [&](Block& block) { wait_turn(block, turns, 0, block.position().x + 1); });
  };
  EXPECT_THROW(run(), TileError);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));
}

TEST_F(TurnsTest, RefusesATurnThatThereIsNot) {
  cpu::Device device;
  const auto run = [&] {
    launch_lambda(device, "add", {1, 1, 1}, DType::f32,
                  [&](Block& block) { pass_turn(block, turns, 4); });
  };
  EXPECT_THROW(run(), TileError);
}

}  // namespace
}  // namespace tile
