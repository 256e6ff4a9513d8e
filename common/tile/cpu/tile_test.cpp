// Each operation of the vocabulary against a plain loop.
#include "tile/tile.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace tile {
namespace {

using Block = cpu::Block;

constexpr float infinity = std::numeric_limits<float>::infinity();

class TileTest : public testing::Test {
 protected:
  TileTest() { block.begin({0, 0, 0}); }

  // [rows, cols] in HBM with a row stride, normal numbers.
  HbmMatrix tensor(std::int64_t rows, std::int64_t cols, DType dtype = DType::f32) {
    const std::int64_t stride = cols + 3;
    auto& bytes = memory.emplace_back(rows * stride * 4 + 4);
    const HbmMatrix hbm{Tensor::K, dtype, bytes.data(), rows, cols, stride};
    std::normal_distribution<float> normal;
    with_type(dtype, [&](auto type) {
      using T = decltype(type);
      for (std::int64_t r = 0; r < rows; ++r)
        for (std::int64_t c = 0; c < cols; ++c) hbm.row<T>(r)[c] = from_float<T>(normal(random));
    });
    return hbm;
  }

  static float at(const HbmMatrix& hbm, std::int64_t r, std::int64_t c) {
    if (r >= hbm.rows || c >= hbm.cols) return 0;
    return with_type(hbm.dtype, [&](auto type) { return to_float(hbm.row<decltype(type)>(r)[c]); });
  }

  std::mt19937 random{1};
  std::vector<std::vector<std::byte>> memory;
  Block block{find_gpu("h100"), "test", 4, false};
};

template <class Tile>
void expect_loaded(const Tile& tile, int rows, int cols, auto expected) {
  for (int r = 0; r < rows; ++r)
    for (int c = 0; c < cols; ++c) ASSERT_EQ(cpu::element(tile, r, c), expected(r, c)) << r << c;
}

// Catches a wrong tail, a wrong stride and a wrong transposition, in each dtype.
TEST_F(TileTest, LoadFillsTheTailWithZeros) {
  LeftTile<Block, 128, 64> left(block, "left");
  RightTile<Block, 64, 64> right(block, "right");
  for (const DType dtype : {DType::f32, DType::bf16, DType::f16}) {
    for (const std::int64_t cols : {1, 33, 64}) {
      const HbmMatrix hbm = tensor(150, cols, dtype);
      for (const std::int64_t row : {0, 37, 149, 150}) {
        load(left, hbm, row);
        expect_loaded(left, 128, 64, [&](int r, int c) { return at(hbm, row + r, c); });
        load(right, hbm, row);
        expect_loaded(right, 64, 64, [&](int r, int c) { return at(hbm, row + r, c); });
      }
    }
  }
}

// Catches a store past the end of the tensor, and of its row into the next.
TEST_F(TileTest, StoreDropsTheTail) {
  Accumulator<Block, 128, 64> tile(block, "O");
  const HbmMatrix from = tensor(128, 64);
  load(tile, from, 0);
  for (const DType dtype : {DType::f32, DType::bf16, DType::f16}) {
    const HbmMatrix to = tensor(100, 50, dtype);
    std::vector<std::byte> copy(to.data, to.data + 100 * to.row_stride * size_in_bytes(dtype));
    store(to, 70, 20, tile);
    const HbmMatrix old{Tensor::K, dtype, copy.data(), 100, 53, to.row_stride};
    with_type(dtype, [&](auto type) {
      using T = decltype(type);
      for (int r = 0; r < 100; ++r)
        for (int c = 0; c < 53; ++c)
          ASSERT_EQ(to_float(to.row<T>(r)[c]),
                    r >= 70 && c >= 20 && c < 50 ? to_float(from_float<T>(at(from, r - 70, c - 20)))
                                                 : at(old, r, c));
    });
    EXPECT_EQ(block.counters().hbm_write[Tensor::K], 30 * 30 * size_in_bytes(dtype));
    block.counters() = {};
  }
}

// Catches a wrong index in the register blocks; every column remainder of the blocks of six occurs.
template <int Rows, int Cols, int Depth>
void expect_products(Block& block, const HbmMatrix& a, const HbmMatrix& b, const HbmMatrix& v) {
  LeftTile<Block, Rows, Depth> A(block, "A");
  RightTile<Block, Cols, Depth> B(block, "B");
  RightTile<Block, Cols, Depth> V(block, "V");
  Accumulator<Block, Rows, Cols> S(block, "S");
  Accumulator<Block, Rows, Depth> O(block, "O");
  load(A, a, 0);
  load(B, b, 0);
  load(V, v, 0);
  mma_ABt(S, A, B);
  RowVector<Block, Rows> factor(block, "factor");
  load(factor, HbmVector{Tensor::l, a.row<float>(0), Rows}, 0);
  fill(O, 1);
  mma_AB(O, S, V);          // 1 + S V
  mma_AB(O, S, V, factor);  // factor (1 + S V) + S V
  using cpu::element;
  for (int r = 0; r < Rows; ++r) {
    for (int c = 0; c < Cols; ++c) {
      double sum = 0;
      for (int k = 0; k < Depth; ++k) sum += double{element(A, r, k)} * element(B, c, k);
      ASSERT_NEAR(element(S, r, c), sum, 1e-4) << r << ", " << c;
    }
    for (int c = 0; c < Depth; ++c) {
      double sum = 0;
      for (int k = 0; k < Cols; ++k) sum += double{element(S, r, k)} * element(V, k, c);
      const double expected = element(factor, r, 0) * (1 + sum) + sum;
      ASSERT_NEAR(element(O, r, c), expected, 4e-3) << r << ", " << c;
    }
  }
}

TEST_F(TileTest, Products) {
  const HbmMatrix a = tensor(128, 128), b = tensor(128, 128), v = tensor(128, 128);
  expect_products<64, 32, 32>(block, a, b, v);
  block.begin({0, 0, 0});
  expect_products<128, 64, 96>(block, a, b, v);
  block.begin({0, 0, 0});
  expect_products<128, 36, 128>(block, a, b, v);
}

TEST_F(TileTest, SlicesAreParts) {
  RightTile<Block, 64, 32> K(block, "K");
  const HbmMatrix hbm = tensor(64, 32), other = tensor(16, 32);
  load(K, hbm, 0);
  expect_loaded(rows<16>(K, 16), 16, 32, [&](int r, int c) { return at(hbm, 16 + r, c); });
  for (int first = 0; first < 64; first += 16) load(rows<16>(K, first), other, 0);
  expect_loaded(K, 64, 32, [&](int r, int c) { return at(other, r % 16, c); });
}

TEST_F(TileTest, Masks) {
  Accumulator<Block, 64, 32> S(block, "S");
  for (const std::int64_t diagonal : {-70, -5, 0, 9, 40}) {
    fill(S, 1);
    mask_causal(S, diagonal);
    expect_loaded(S, 64, 32, [&](int r, int c) { return c <= r + diagonal ? 1 : -infinity; });
  }
  for (const std::int64_t end : {-3, 0, 7, 32, 100}) {
    fill(S, 1);
    mask_end(S, end);
    expect_loaded(S, 64, 32, [&](int, int c) { return c < end ? 1 : -infinity; });
  }
}

// Catches NaN from -inf minus -inf: a row that has seen no key has maximum -inf and sum 0.
TEST_F(TileTest, RowsThatSeeNothing) {
  Accumulator<Block, 64, 32> S(block, "S");
  RowVector<Block, 64> row_max(block, "m"), row_sum(block, "l"), rescale(block, "rescale");
  fill(S, -infinity);
  fill(row_max, -infinity);
  fill(row_sum, 0);
  copy(rescale, row_max);
  update_row_max(row_max, S);
  exp2_difference(rescale, row_max, 0.5f);
  exp2_difference(S, row_max, 0.5f);
  add_row_sum(row_sum, S);
  expect_loaded(S, 64, 32, [](int, int) { return 0; });
  expect_loaded(rescale, 64, 1, [](int, int) { return 0; });
  expect_loaded(row_sum, 64, 1, [](int, int) { return 0; });
  divide_rows(S, row_sum);
  expect_loaded(S, 64, 32, [](int, int) { return 0; });
  log_sum_exp(row_sum, row_max, row_sum);
  expect_loaded(row_sum, 64, 1, [](int, int) { return -infinity; });
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
