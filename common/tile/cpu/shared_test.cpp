// Tiles in shared memory that warpgroups hand to each other, against plain loops.
#include <vector>

#include "testing/tile_test.h"

namespace tile {
namespace {

class SharedTest : public TileTest {
 protected:
  // Slices of columns, of which the padding of a head dimension is in the last.
  template <int Cols, int Slices>
  void expect_slices(const HbmMatrix& k, const HbmMatrix& p, const auto& load_k) {
    constexpr int width = Cols / Slices;
    SharedTile<Block, 64, Cols, Slices> K(block, "K");
    LeftTile<Block, 32, 64> P(block, "P");
    Accumulator<Block, 32, width> O(block, "O");
    load_k(K, k);
    load(P, p, 0);
    for (int slice = 0; slice < Slices; ++slice) {
      fill(O, 0);
      mma_AB(O, P, columns(K, slice));
      for (int r = 0; r < 32; ++r)
        for (int c = 0; c < width; ++c) {
          double sum = 0;
          for (int i = 0; i < 64; ++i) sum += double{at(p, r, i)} * at(k, i, slice * width + c);
          ASSERT_NEAR(element(O, r, c), sum, 1e-4) << slice << ": " << r << ", " << c;
        }
    }
  }

  void expect_slices_of_all_widths(const HbmMatrix& k, const HbmMatrix& p, const auto& load_k) {
    expect_slices<64, 2>(k, p, load_k);
    expect_slices<32, 2>(k, p, load_k);
    expect_slices<96, 2>(k, p, load_k);
  }
};

TEST_F(SharedTest, SlicesOfColumns) {
  const HbmMatrix p = tensor(32, 64);
  const auto now = [](auto& K, const HbmMatrix& hbm) { load(K, hbm, 0); };
  for (const int cols : {40, 30, 9})  // the last in the first slice alone
    expect_slices_of_all_widths(tensor(64, cols), p, now);
}

TEST_F(SharedTest, SlicesOfColumnsAreCopied) {
  const HbmMatrix k = tensor(64, 30), p = tensor(32, 64);
  const std::int64_t before = block.counters().hbm_read[Tensor::K];
  int copies = 0;
  expect_slices_of_all_widths(k, p, [&](auto& K, const HbmMatrix& hbm) {
    Barrier<Block> there(block, "there", 1);
    arrive_and_expect(there, bytes(K));
    load_async(K, hbm, 0, there);
    wait(there, 0);
    ++copies;
  });
  EXPECT_EQ(block.counters().hbm_read[Tensor::K] - before, copies * (64 * 30 + 32 * 64) * 4)
      << "K, and P";
}

TEST_F(SharedTest, AVectorIsCopiedWithZerosPastItsEnd) {
  const HbmMatrix x = tensor(64, 64);
  const HbmVector hbm{Tensor::LSE, x.row<float>(0), 50};
  SharedVector<Block, 32> vector(block, "LSE");
  Accumulator<Block, 32, 32> S(block, "S");
  for (const int row : {0, 32, 64}) {
    Barrier<Block> there(block, "there", 1);
    arrive_and_expect(there, 32 * 4);
    load_async(vector, hbm, row, there);
    wait(there, 0);
    fill(S, 1);
    subtract_columns(S, vector);
    for (int c = 0; c < 32; ++c)
      ASSERT_EQ(element(S, 5, c), row + c < 50 ? 1 - hbm[row + c] : 1) << row << ", " << c;
  }
}

// What a consumer makes of registers for another: a transpose as left operand, and sums.
TEST_F(SharedTest, WhatRegistersHand) {
  const HbmMatrix x = tensor(64, 32), k = tensor(64, 64);
  Accumulator<Block, 64, 32> dS_t(block, "dS^T");
  LeftTile<Block, 32, 64> dS(block, "dS");
  RightTile<Block, 64, 64> K(block, "K");
  Accumulator<Block, 32, 64> dQ(block, "dQ");
  SharedSums<Block, 32, 64> sums(block, "sums");
  load(dS_t, x, 0);
  load(K, k, 0);
  transpose(dS, dS_t);
  fill(dQ, 0);
  mma_AB(dQ, dS, K);
  copy(sums, dQ);
  std::vector<float> sums_of_all(32 * 80, 1);
  const HbmMatrix hbm{Tensor::O, DType::f32, reinterpret_cast<std::byte*>(sums_of_all.data()),
                      30,        70,         80};
  const auto added = [&] {
    return block.counters().hbm_read[Tensor::O] + block.counters().hbm_write[Tensor::O];
  };
  const std::int64_t before = added();
  atomic_add(hbm, 0, sums, 16);  // of 64 columns 54 lie inside
  EXPECT_EQ(added() - before, 2 * 30 * 54 * 4);
  atomic_add(hbm, 0, sums, 70);  // none
  EXPECT_EQ(added() - before, 2 * 30 * 54 * 4);
  for (int r = 0; r < 32; ++r)
    for (int c = 0; c < 80; ++c) {
      double sum = 1;
      const bool inside = r < 30 && c >= 16 && c < 70;
      for (int i = 0; i < 64 && inside; ++i) sum += double{at(x, i, r)} * at(k, i, c - 16);
      ASSERT_NEAR(sums_of_all[r * 80 + c], sum, 1e-4) << r << ", " << c;
    }
}

}  // namespace
}  // namespace tile
