// Operations of the backward pass against plain loops.
#include <cmath>
#include <thread>

#include "testing/tile_test.h"

namespace tile {
namespace {

template <int Rows, int Cols>
void expect_column_operations(Block& block, const HbmMatrix& x, const HbmVector& of_column) {
  block.begin({0, 0, 0}, 0);
  Accumulator<Block, Rows, Cols> S(block, "S"), other(block, "other");
  ColumnVector<Block, Cols> column(block, "column");
  load(column, of_column, 0);
  const auto expect = [&](auto change, auto expected, double tolerance) {
    load(S, x, 0);
    load(other, x, 0);
    change();
    for (int r = 0; r < Rows; ++r)
      for (int c = 0; c < Cols; ++c)
        ASSERT_NEAR(element(S, r, c), expected(element(other, r, c), of_column[c]), tolerance)
            << r << ", " << c;
  };
  expect([&] { exp2_difference(S, column, 0.5f); },
         [](float s, float m) { return std::exp2(0.5 * (double{s} - m)); }, 1e-5);
  expect([&] { subtract_columns(S, column); }, [](float s, float m) { return s - m; }, 0);
  expect([&] { divide_columns(S, column); }, [](float s, float m) { return s / m; }, 1e-4);
  expect([&] { multiply(S, other); }, [](float s, float) { return s * s; }, 0);
  load(S, x, 0);
  Operand<Block, Cols, Rows> T(block, "T");
  transpose(T, S);
  Accumulator<Block, Rows, Cols> loaded(block, "loaded");
  load_transposed(loaded, HbmMatrix{Tensor::K, DType::f32, x.data, Cols, Rows, x.row_stride}, 0, 0);
  for (int r = 0; r < Rows; ++r)
    for (int c = 0; c < Cols; ++c) {
      ASSERT_EQ(element(T, c, r), element(S, r, c)) << r << ", " << c;
      ASSERT_EQ(element(loaded, r, c), x.row<float>(c)[r]) << r << ", " << c;
    }
}

class ColumnsTest : public TileTest {
 protected:
  HbmMatrix x = tensor(128, 128);
  HbmVector column{Tensor::l, x.row<float>(7), 128};
};

TEST_F(ColumnsTest, Operations) {
  expect_column_operations<32, 32>(block, x, column);
  expect_column_operations<64, 32>(block, x, column);
  expect_column_operations<64, 64>(block, x, column);
  expect_column_operations<128, 64>(block, x, column);
}

// A query that sees no key has LSE = -inf and scores of -inf: its P is 0, not NaN. Its l is 0.
TEST_F(ColumnsTest, AColumnThatSeesNothingBecomesZero) {
  std::vector<float> statistics(32, -INFINITY), sums(32, 0);
  Accumulator<Block, 32, 32> S(block, "S");
  ColumnVector<Block, 32> lse(block, "LSE"), sum(block, "l");
  fill(S, -INFINITY);
  load(lse, HbmVector{Tensor::LSE, statistics.data(), 32}, 0);
  exp2_difference(S, lse, 1);
  expect_loaded(S, 32, 32, [](int, int) { return 0; });
  load(sum, HbmVector{Tensor::l, sums.data(), 32}, 0);
  fill(S, 3);
  divide_columns(S, sum);
  expect_loaded(S, 32, 32, [](int, int) { return 0; });
}

TEST_F(ColumnsTest, WhatLiesPastTheEndIsZeroAndDropped) {
  std::vector<float> values(40, 5);
  ColumnVector<Block, 32> column_at_end(block, "column");
  load(column_at_end, HbmVector{Tensor::l, values.data(), 40}, 20);
  for (int c = 0; c < 32; ++c) ASSERT_EQ(element(column_at_end, 0, c), c < 20 ? 5 : 0);
  std::vector<float> to(40, 1);
  store(HbmVector{Tensor::l, to.data(), 30}, 20, column_at_end);
  for (int i = 0; i < 40; ++i) ASSERT_EQ(to[i], i >= 20 && i < 30 ? 5 : 1);

  Accumulator<Block, 32, 64> part(block, "part");
  const HbmMatrix small = tensor(50, 45);
  load_transposed(part, small, 32, 32);
  expect_loaded(part, 32, 64, [&](int r, int c) { return at(small, 32 + c, 32 + r); });
}

TEST_F(ColumnsTest, MasksOfTransposedScores) {
  for (const std::int64_t diagonal : {-70, -1, 0, 5, 63, 200}) {
    block.begin({0, 0, 0}, 0);
    Accumulator<Block, 64, 64> S(block, "S");
    fill(S, 1);
    mask_causal_rows(S, diagonal);
    expect_loaded(S, 64, 64, [&](int r, int c) { return r > c + diagonal ? -infinity : 1; });
    fill(S, 1);
    mask_end_rows(S, diagonal);
    expect_loaded(S, 64, 64, [&](int r, int) { return r >= diagonal ? -infinity : 1; });
  }
}

TEST_F(ColumnsTest, RowProducts) {
  RightTile<Block, 64, 96> a(block, "a"), b(block, "b");
  ColumnVector<Block, 64> D(block, "D");
  const HbmMatrix left = tensor(60, 90), right = tensor(60, 90);
  load(a, left, 0);
  load(b, right, 0);
  row_products(D, a, b);
  for (int r = 0; r < 64; ++r) {
    double sum = 0;
    for (int c = 0; c < 90; ++c) sum += double{at(left, r, c)} * at(right, r, c);
    ASSERT_NEAR(element(D, 0, r), sum, 1e-4) << r;
  }
}

// One tile, either operand, loaded and counted once.
TEST_F(ColumnsTest, ASharedTileIsEitherOperand) {
  const HbmMatrix k = tensor(64, 64), q = tensor(64, 64);
  SharedTile<Block, 64, 64> K(block, "K");
  RightTile<Block, 64, 64> Q(block, "Q");
  Accumulator<Block, 64, 64> S(block, "S"), O(block, "O");
  Operand<Block, 64, 64> P(block, "P");
  const std::int64_t before = block.counters().hbm_read[Tensor::K];
  load(K, k, 0);
  EXPECT_EQ(block.counters().hbm_read[Tensor::K] - before, 64 * 64 * 4);
  load(Q, q, 0);
  load(P, q, 0);
  mma_ABt(S, K, Q);
  fill(O, 0);
  mma_AB(O, P, K);
  for (int r = 0; r < 64; ++r)
    for (int c = 0; c < 64; ++c) {
      double left = 0, right = 0;
      for (int i = 0; i < 64; ++i) {
        left += double{at(k, r, i)} * at(q, c, i);
        right += double{at(q, r, i)} * at(k, i, c);
      }
      ASSERT_NEAR(element(S, r, c), left, 1e-4);
      ASSERT_NEAR(element(O, r, c), right, 1e-4);
    }
}

// Blocks add to the same rows at once, and past the end of the tensor nothing is written.
TEST(AtomicAdd, AddsUpWhatAllBlocksAdd) {
  constexpr int rows = 50, cols = 40, stride = 48, blocks = 200;
  std::vector<float> memory(rows * stride, 1);
  const HbmMatrix hbm{Tensor::O, DType::f32, reinterpret_cast<std::byte*>(memory.data()),
                      rows,      cols,       stride};
  cpu::Device device(find_gpu("h100"), 4);
  launch_lambda(device, "add", {blocks, 1, 1}, DType::f32, [&](Block& block) {
    Accumulator<Block, 32, 64> tile(block, "tile");
    fill(tile, 2);
    atomic_add(hbm, 0, tile);
    atomic_add(hbm, 32, tile);
  });
  for (int r = 0; r < rows; ++r)
    for (int c = 0; c < stride; ++c)
      ASSERT_EQ(memory[r * stride + c], c < cols ? 1 + 2 * blocks : 1) << r << ", " << c;
  EXPECT_EQ(device.counters().hbm_read[Tensor::O], blocks * rows * cols * 4);
  EXPECT_EQ(device.counters().hbm_write[Tensor::O], blocks * rows * cols * 4);
}

TEST(AtomicAdd, RefusesATensorThatIsNotFp32) {
  std::vector<std::byte> memory(64 * 64 * 2);
  const HbmMatrix hbm{Tensor::O, DType::bf16, memory.data(), 64, 64, 64};
  cpu::Device device;
  const auto run = [&] {
    launch_lambda(device, "add", {1, 1, 1}, DType::bf16, [&](Block& block) {
      Accumulator<Block, 32, 64> dQ(block, "dQ");
      fill(dQ, 2);
      atomic_add(hbm, 0, dQ);
    });
  };
  try {
    run();
    FAIL() << "was accepted";
  } catch (const TileError& error) {
    EXPECT_NE(std::string(error.what()).find("atomic_add of tile dQ: tensor O is bf16"),
              std::string::npos)
        << error.what();
  }
}

}  // namespace
}  // namespace tile
