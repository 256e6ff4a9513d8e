// Products and row operations against plain loops.
#include "testing/tile_test.h"
#include "tile/cpu/simd/simd.h"

namespace tile {
namespace {

// Catches a wrong index in the register blocks; every column remainder of the blocks of six occurs.
template <int Rows, int Cols, int Depth>
void expect_products(Block& block, const HbmMatrix& a, const HbmMatrix& b, const HbmMatrix& v) {
  LeftTile<Block, Rows, Depth> A(block, "A");
  RightTile<Block, Cols, Depth> B(block, "B");
  RightTile<Block, Cols, Depth> V(block, "V");
  Accumulator<Block, Rows, Cols> S(block, "S");
  Operand<Block, Rows, Cols> P(block, "P");
  Accumulator<Block, Rows, Depth> O(block, "O");
  load(A, a, 0);
  load(B, b, 0);
  load(V, v, 0);
  mma_ABt(S, A, B);
  RowVector<Block, Rows> factor(block, "factor");
  load(factor, HbmVector{Tensor::l, a.row<float>(0), Rows}, 0);
  fill(O, 1);
  convert(P, S);
  mma_AB(O, P, V);          // 1 + P V
  mma_AB(O, P, V, factor);  // factor (1 + P V) + P V
  for (int r = 0; r < Rows; ++r) {
    for (int c = 0; c < Cols; ++c) {
      double sum = 0;
      for (int k = 0; k < Depth; ++k) sum += double{element(A, r, k)} * element(B, c, k);
      ASSERT_NEAR(element(P, r, c), sum, 1e-4) << r << ", " << c;
    }
    for (int c = 0; c < Depth; ++c) {
      double sum = 0;
      for (int k = 0; k < Cols; ++k) sum += double{element(P, r, k)} * element(V, k, c);
      const double expected = element(factor, r, 0) * (1 + sum) + sum;
      ASSERT_NEAR(element(O, r, c), expected, 4e-3) << r << ", " << c;
    }
  }
}

// The tiles that a stage uses have 8 to 128 rows.
template <int Rows>
void expect_products_of_rows(Block& block, const HbmMatrix& a, const HbmMatrix& b,
                             const HbmMatrix& v) {
  block.begin({0, 0, 0}, 0);
  expect_products<Rows, 32, 32>(block, a, b, v);
  block.begin({0, 0, 0}, 0);
  expect_products<Rows, 64, 96>(block, a, b, v);
  block.begin({0, 0, 0}, 0);
  expect_products<Rows, 80, 32>(block, a, b, v);
  block.begin({0, 0, 0}, 0);
  expect_products<Rows, 64, 128>(block, a, b, v);
}

TEST_F(TileTest, Products) {
  const HbmMatrix a = tensor(128, 128), b = tensor(176, 128), v = tensor(176, 128);
  expect_products_of_rows<8>(block, a, b, v);
  expect_products_of_rows<16>(block, a, b, v);
  expect_products_of_rows<32>(block, a, b, v);
  expect_products_of_rows<64>(block, a, b, v);
  expect_products_of_rows<128>(block, a, b, v);
  block.begin({0, 0, 0}, 0);
  expect_products<128, 96, 128>(block, a, b, v);
  block.begin({0, 0, 0}, 0);
  expect_products<64, 176, 128>(block, a, b, v);
}

// Catches lanes of other rows, and columns left out, where a tile has few rows.
template <int Rows>
void expect_row_operations(Block& block, const HbmMatrix& hbm) {
  Accumulator<Block, Rows, 64> S(block, "S"), T(block, "T");
  RowVector<Block, Rows> row_max(block, "m"), row_sum(block, "l");
  const auto value = [&](int r, int c) { return hbm.row<float>(r)[c]; };
  load(S, hbm, 0);
  fill(row_max, -infinity);
  fill(row_sum, 1);
  update_row_max(row_max, S);
  add_row_sum(row_sum, S);
  float largest[Rows], sum[Rows];
  for (int r = 0; r < Rows; ++r) {
    largest[r] = value(r, 0), sum[r] = 1;
    for (int c = 0; c < 64; ++c) largest[r] = std::max(largest[r], value(r, c));
    for (int c = 0; c < 64; ++c) sum[r] += value(r, c);
    ASSERT_EQ(element(row_max, r, 0), largest[r]) << Rows << " rows, row " << r;
    ASSERT_NEAR(element(row_sum, r, 0), sum[r], 1e-4) << Rows << " rows, row " << r;
  }
  multiply_rows(S, row_max);
  expect_loaded(S, Rows, 64, [&](int r, int c) { return value(r, c) * largest[r]; });
  divide_rows(S, row_max);
  exp_difference(S, row_max);
  for (int r = 0; r < Rows; ++r)
    for (int c = 0; c < 64; ++c)
      ASSERT_NEAR(element(S, r, c), std::exp(value(r, c) - largest[r]), 1e-6) << r << c;
  load(T, hbm, 0);
  load(S, hbm, 0);
  add(S, T);
  expect_loaded(S, Rows, 64, [&](int r, int c) { return 2 * value(r, c); });
  add(row_max, row_max);
  multiply_rows(row_max, row_sum);
  for (int r = 0; r < Rows; ++r) ASSERT_NEAR(element(row_max, r, 0), 2 * largest[r] * sum[r], 1e-3);
}

TEST_F(TileTest, RowOperations) {
  const HbmMatrix hbm = tensor(128, 64);
  expect_row_operations<8>(block, hbm);
  expect_row_operations<16>(block, hbm);
  expect_row_operations<32>(block, hbm);
  expect_row_operations<128>(block, hbm);
}

// Catches NaN from -inf minus -inf: a row that has seen no key has maximum -inf and sum 0.
template <int Rows>
void expect_nothing_seen(Block& block) {
  Accumulator<Block, Rows, 32> S(block, "S");
  RowVector<Block, Rows> row_max(block, "m"), row_sum(block, "l"), rescale(block, "rescale");
  fill(S, -infinity);
  fill(row_max, -infinity);
  fill(row_sum, 0);
  copy(rescale, row_max);
  update_row_max(row_max, S);
  exp2_difference(rescale, row_max, 0.5f);
  exp2_difference(S, row_max, 0.5f);
  add_row_sum(row_sum, S);
  expect_loaded(S, Rows, 32, [](int, int) { return 0; });
  expect_loaded(rescale, Rows, 1, [](int, int) { return 0; });
  expect_loaded(row_sum, Rows, 1, [](int, int) { return 0; });
  divide_rows(S, row_sum);
  expect_loaded(S, Rows, 32, [](int, int) { return 0; });
  log_sum_exp(row_sum, row_max, row_sum);
  expect_loaded(row_sum, Rows, 1, [](int, int) { return -infinity; });
}

TEST_F(TileTest, RowsThatSeeNothing) {
  expect_nothing_seen<64>(block);
  expect_nothing_seen<8>(block);
}

// Catches a drift of O and l: a maximum that stays must rescale by 1, not by nearly 1.
TEST_F(TileTest, AMaximumThatStaysRescalesByOne) {
  RowVector<Block, 64> row_max(block, "m"), rescale(block, "rescale");
  for (const float score : {1524.3f, -877.7f, 0.1f}) {
    fill(row_max, score);
    copy(rescale, row_max);
    exp2_difference(rescale, row_max, 0.10411f);
    expect_loaded(rescale, 64, 1, [](int, int) { return 1; });
  }
}

// Catches a reciprocal in place of the division: l (1/l) is not 1, and FlashAttention-1 multiplies
// and divides at every key tile.
TEST_F(TileTest, MultiplyingAndDividingDoesNotDrift) {
  Accumulator<Block, 64, 32> O(block, "O");
  RowVector<Block, 64> row_sum(block, "l");
  const HbmMatrix hbm = tensor(64, 32), sums = tensor(1, 64);
  for (int r = 0; r < 64; ++r) sums.row<float>(0)[r] = 1 + std::abs(sums.row<float>(0)[r]);
  load(O, hbm, 0);
  load(row_sum, HbmVector{Tensor::l, sums.row<float>(0), 64}, 0);
  for (int tile = 0; tile < 100'000; ++tile) {
    multiply_rows(O, row_sum);
    divide_rows(O, row_sum);
  }
  for (int r = 0; r < 64; ++r)
    for (int c = 0; c < 32; ++c)
      ASSERT_NEAR(element(O, r, c) / hbm.row<float>(r)[c], 1, 0x1p-23) << r << ", " << c;
}

TEST(SimdTest, Exp2IsAccurateTo2UnitsInTheLastPlace) {
  double worst = 0;
  for (float x = -126; x <= 127; x += 0.00193f)
    worst = std::max(worst, std::abs(cpu::exp2(cpu::broadcast(x))[0] / std::exp2(double{x}) - 1));
  EXPECT_LE(worst, 2 * 0x1p-23);
  EXPECT_EQ(cpu::exp2(cpu::broadcast(0))[0], 1);
  EXPECT_EQ(cpu::exp2(cpu::broadcast(-infinity))[0], 0);
  EXPECT_EQ(cpu::exp2(cpu::broadcast(-1000))[0], 0);
  EXPECT_TRUE(std::isnan(cpu::exp2(cpu::broadcast(std::nanf("")))[0]));
}

}  // namespace
}  // namespace tile
