// Transfers, parts of tiles and masks against plain loops.
#include "testing/tile_test.h"

namespace tile {
namespace {

// Catches a wrong tail, a wrong stride and a wrong transposition, in each dtype.
TEST_F(TileTest, LoadFillsTheTailWithZeros) {
  LeftTile<Block, 128, 64> left(block, "left");
  LeftTile<Block, 8, 64> few(block, "few");
  RightTile<Block, 64, 64> right(block, "right");
  for (const DType dtype : {DType::f32, DType::bf16, DType::f16}) {
    for (const std::int64_t cols : {1, 33, 64}) {
      const HbmMatrix hbm = tensor(150, cols, dtype);
      for (const std::int64_t row : {0, 37, 149, 150}) {
        load(left, hbm, row);
        expect_loaded(left, 128, 64, [&](int r, int c) { return at(hbm, row + r, c); });
        load(few, hbm, row);
        expect_loaded(few, 8, 64, [&](int r, int c) { return at(hbm, row + r, c); });
        load(right, hbm, row);
        expect_loaded(right, 64, 64, [&](int r, int c) { return at(hbm, row + r, c); });
      }
    }
  }
}

// Catches a store past the end of the tensor, and of its row into the next.
template <int Rows>
void expect_stored(Block& block, const HbmMatrix& from, const HbmMatrix& to) {
  Accumulator<Block, Rows, 64> tile(block, "O");
  load(tile, from, 0);
  const std::int64_t first = to.rows - 30;
  store(to, first, 20, tile);
  with_type(to.dtype, [&](auto type) {
    using T = decltype(type);
    for (std::int64_t r = 0; r < to.rows; ++r)
      for (std::int64_t c = 0; c < to.row_stride; ++c) {
        const bool inside = r >= first && r < first + Rows && c >= 20 && c < to.cols;
        const float x = inside ? from.row<float>(r - first)[c - 20] : 0;
        ASSERT_EQ(to_float(to.row<T>(r)[c]), to_float(from_float<T>(x))) << r << ", " << c;
      }
  });
  EXPECT_EQ(block.counters().hbm_write[Tensor::K],
            std::min(Rows, 30) * 30 * size_in_bytes(to.dtype));
}

TEST_F(TileTest, StoreDropsTheTail) {
  const HbmMatrix from = tensor(128, 64);
  for (const DType dtype : {DType::f32, DType::bf16, DType::f16}) {
    for (const int rows : {8, 128}) {
      const HbmMatrix to = tensor(100, 50, dtype);
      std::fill_n(to.data, 100 * to.row_stride * size_in_bytes(dtype), std::byte{0});
      block.begin({0, 0, 0}, 0);
      block.counters() = {};
      rows == 8 ? expect_stored<8>(block, from, to) : expect_stored<128>(block, from, to);
    }
  }
}

TEST_F(TileTest, Masks) {
  Accumulator<Block, 64, 32> S(block, "S");
  for (const std::int64_t diagonal : {-70, -5, 0, 9, 40}) {
    fill(S, 1);
    mask_causal(S, diagonal);
    expect_loaded(S, 64, 32, [&](int r, int c) { return c <= r + diagonal ? 1 : -infinity; });
    fill(S, 1);
    mask_causal(S, diagonal, 6, 100);  // packed heads: row 100 is head 4 of query 16
    expect_loaded(S, 64, 32,
                  [&](int r, int c) { return c <= (100 + r) / 6 + diagonal ? 1 : -infinity; });
  }
  for (const std::int64_t end : {-3, 0, 7, 32, 100}) {
    fill(S, 1);
    mask_end(S, end);
    expect_loaded(S, 64, 32, [&](int, int c) { return c < end ? 1 : -infinity; });
  }
}

}  // namespace
}  // namespace tile
