// A producer and a consumer, for the tests to plant their mistakes in.
#pragma once

#include <gtest/gtest.h>

#include <array>

#include "testing/kernel.h"

namespace tile {

inline constexpr int size = 64;

// A tensor [256, 64] of ones.
struct Hbm {
  std::array<float, 256 * size> data;
  HbmMatrix K{Tensor::K, DType::f32, reinterpret_cast<std::byte*>(data.data()), 256, size, size};

  Hbm() { data.fill(1); }
};

// What a kernel of two roles works with. They meet at a named barrier `done`.
struct Shared {
  using Block = cpu::Block;

  Hbm hbm;
  Block& block;
  Ring<Block, RightTile<Block, size, size>, 1> K;
  LeftTile<Block, size, size> Q;
  Accumulator<Block, size, size> S, O;
  Operand<Block, size, size> P;
  RowVector<Block, size> m;
  NamedBarrier<Block> done;

  explicit Shared(Block& owner)
      : block(owner),
        K(block, "K", 1),
        Q(block, "Q"),
        S(block, "S"),
        O(block, "O"),
        P(block, "P"),
        m(block, "m"),
        done(block, "done", 2) {}

  std::int64_t tile_bytes() const { return size * size * 4; }

  void fetch(std::int64_t n) {
    wait(K.empty(n), K.parity(n) ^ 1);
    arrive_and_expect(K.full(n), tile_bytes());
    load_async(K[n], hbm.K, n * size, K.full(n));
  }
};

// The message of the TileError that a producer and a consumer end with; empty if they end well.
template <class Produce, class Consume>
std::string report(std::uint64_t schedule, const Produce& produce, const Consume& consume) {
  cpu::Device device;
  device.set_checked(true);
  device.set_schedule(schedule);
  try {
    launch_lambda(device, "planted", {1, 1, 1}, DType::f32, [&](cpu::Block& block) {
      Shared shared(block);
      warpgroups(block, role("producer", [&] { produce(shared); }),
                 role("consumer", [&] { consume(shared); }));
    });
  } catch (const TileError& error) {
    return error.what();
  }
  return "";
}

template <class Produce, class Consume>
void expect_report(const std::string& what, const Produce& produce, const Consume& consume) {
  for (std::uint64_t schedule = 0; schedule < 20; ++schedule)
    EXPECT_EQ(report(schedule, produce, consume), "planted, block (0, 0, 0)" + what)
        << "schedule " << schedule;
}

inline void nothing(Shared&) {}

inline void product(Shared& s) {
  fill(s.Q, 1);
  wait(s.K.full(0), 0);
  mma_ABt_async(s.S, s.Q, s.K[0]);
  commit_products(s.block);
}

}  // namespace tile
