// The dropped weights of a tile against one weight at a time.
#include "tile/cpu/dropout.h"

#include "testing/tile_test.h"
#include "tile/cpu/columns.h"

namespace tile {
namespace {

constexpr Dropout dropout{.threshold = 0x4ccccccd, .scale = 1 / 0.7f, .seed = {7, 9}, .head = 3};

template <int Rows, int Cols>
void expect_dropped(Block& block, const HbmMatrix& x, std::int64_t query, std::int64_t key) {
  block.begin({0, 0, 0}, 0);
  Accumulator<Block, Rows, Cols> S(block, "S");
  load(S, x, 0);
  drop(S, dropout, query, key);
  for (int r = 0; r < Rows; ++r)
    for (int c = 0; c < Cols; ++c)
      ASSERT_EQ(element(S, r, c), x.row<float>(r)[c] * dropout.factor(query + r, key + c))
          << r << ", " << c;
  load(S, x, 0);
  drop_transposed(S, dropout, query, key);
  for (int r = 0; r < Rows; ++r)
    for (int c = 0; c < Cols; ++c)
      ASSERT_EQ(element(S, r, c), x.row<float>(r)[c] * dropout.factor(query + c, key + r))
          << r << ", " << c;
}

class DropoutTest : public TileTest {
 protected:
  HbmMatrix x = tensor(128, 128);
};

TEST_F(DropoutTest, OfEachWeight) {
  expect_dropped<32, 32>(block, x, 0, 0);
  expect_dropped<64, 32>(block, x, 100, 32);
  expect_dropped<128, 64>(block, x, 77, 12);
  expect_dropped<8, 128>(block, x, 1, 4096);
  expect_dropped<16, 64>(block, x, 5, 64);
}

TEST_F(DropoutTest, RefusesKeysThatShareACounterWithOthers) {
  Accumulator<Block, 32, 32> S(block, "S");
  load(S, x, 0);
  EXPECT_THROW(drop(S, dropout, 0, 2), TileError);
  EXPECT_THROW(drop_transposed(S, dropout, 0, 5), TileError);
}

// As many as the threshold says: of 2^16 weights 0.3, within four standard deviations.
TEST(Dropout, DropsTheShareThatItIsAskedFor) {
  int dropped = 0;
  for (int query = 0; query < 256; ++query)
    for (int key = 0; key < 256; ++key) dropped += !dropout.keeps(query, key);
  EXPECT_NEAR(dropped / 65536.0, 0.3, 4 * 0.0018);
}

TEST(Dropout, DiffersByHeadAndSeed) {
  for (const auto& other : {Dropout{dropout.threshold, dropout.scale, dropout.seed, 4},
                            Dropout{dropout.threshold, dropout.scale, {8, 9}, 3}}) {
    int same = 0;
    for (int key = 0; key < 4096; ++key) same += dropout.keeps(5, key) == other.keeps(5, key);
    EXPECT_NEAR(same / 4096.0, 0.58, 0.04);  // 0.3^2 + 0.7^2
  }
}

}  // namespace
}  // namespace tile
