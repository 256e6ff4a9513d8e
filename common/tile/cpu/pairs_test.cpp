// Products of bf16 operands, which go by pairs where the processor has a dot product for them.
#include "tile/cpu/simd/pairs.h"

#include <bit>
#include <cmath>
#include <string>

#include "testing/tile_test.h"

namespace tile {
namespace {

// Every element of a tile [rows, 64]: numbers of which none is another's half, all bf16.
std::vector<float> bf16_numbers(int rows) {
  std::vector<float> tile(rows * 64);
  for (int i = 0; i < rows * 64; ++i)
    tile[i] = to_float(bf16{static_cast<std::uint16_t>(0x3f80 + i)});
  return tile;
}

// Catches a pair in the wrong order, and one that overwrites elements that are still to be read.
TEST(PairsTest, OfATileAndBack) {
  for (const int rows : {16, 32, 64, 128}) {
    if (!cpu::has_pairs(rows)) continue;
    const std::vector<float> tile = bf16_numbers(rows);
    std::vector<float> pairs = tile;
    ASSERT_TRUE(cpu::to_pairs(pairs.data(), rows, 64));
    const int panel = cpu::panel_rows(rows);
    for (int i = 0; i < rows * 32; ++i) {
      const auto bits = std::bit_cast<std::uint32_t>(pairs[i]);
      const float* first = tile.data() + i / panel * 2 * panel + i % panel;
      ASSERT_EQ(bits << 16, std::bit_cast<std::uint32_t>(first[0])) << rows << " rows, " << i;
      ASSERT_EQ(bits & 0xffff0000, std::bit_cast<std::uint32_t>(first[panel])) << rows;
    }
    cpu::from_pairs(pairs.data(), rows, 64);
    EXPECT_EQ(pairs, tile);
  }
}

// Catches an operand that would lose its lower bits.
TEST(PairsTest, OfOtherNumbersThereAreNone) {
  for (const int place : {0, 63 * 16 + 7, 64 * 16 - 1}) {
    std::vector<float> tile = bf16_numbers(16);
    tile[place] += 0x1p-10f;
    const std::vector<float> before = tile;
    EXPECT_FALSE(cpu::to_pairs(tile.data(), 16, 64));
    EXPECT_EQ(tile, before);
  }
}

// Rows of codes, the last not whole, on a tile that is larger.
template <class Element>
void expect_pairs_of_fp8(DType dtype) {
  std::vector<std::byte> codes(256);
  for (int i = 0; i < 256; ++i) codes[i] = static_cast<std::byte>(i);
  const HbmMatrix hbm{{}, dtype, codes.data(), 5, 48, 52};
  std::vector<float> to(64 * 64, 1);
  const cpu::RightPairs pairs = cpu::copy_pairs_in_rows(to.data(), 64, 64, 64, hbm, {1, 1, 4, 47});
  for (int r = 0; r < 64; ++r)
    for (int c = 0; c < 64; ++c) {
      const bf16 number{pairs.data[r * pairs.column + c / 2 * pairs.term + c % 2]};
      const bool there = r < 4 && c < 47;
      const auto code = static_cast<std::uint8_t>(there ? (r + 1) * 52 + c + 1 : 0);
      const float expected = to_float(Element{code});
      if (std::isnan(expected))
        ASSERT_TRUE(std::isnan(to_float(number)));
      else
        ASSERT_EQ(to_float(number), expected) << r << ", " << c;
    }
}

TEST(PairsTest, OfFp8AreTheSameNumbers) {
  expect_pairs_of_fp8<e4m3>(DType::e4m3);
  expect_pairs_of_fp8<e5m2>(DType::e5m2);
}

TEST(PairsTest, AreRoundedAsElementsAre) {
  std::vector<float> tile(64 * 64), pairs(64 * 64);
  for (int i = 0; i < 64 * 64; ++i) tile[i] = std::ldexp(1 + 0x1p-12f * i, i % 40 - 20);
  tile[5] = infinity, tile[6] = -infinity, tile[7] = -0.0f, tile[8] = 3.4e38f;
  cpu::round_to_pairs(pairs.data(), tile.data(), 0.75f, 64, 64);
  cpu::from_pairs(pairs.data(), 64, 64);
  cpu::round_to(tile.data(), DType::bf16, tile.data(), 0.75f, 64 * 64);
  EXPECT_EQ(pairs, tile);
}

// A matrix [rows, cols] of bf16 numbers among NaNs: what lies past its ends must not be read.
struct AmongNaNs {
  AmongNaNs(std::mt19937& random, int rows, int cols, int stride)
      : elements((rows + 2) * stride, from_float<bf16>(std::nanf(""))),
        hbm{Tensor::K, DType::bf16, reinterpret_cast<std::byte*>(&elements[stride + 3]),
            rows,      cols,        stride} {
    std::normal_distribution<float> normal;
    for (int r = 0; r < rows; ++r)
      for (int c = 0; c < cols; ++c) hbm.row<bf16>(r)[c] = from_float<bf16>(normal(random));
  }
  float operator()(int r, int c) const {
    return r < hbm.rows && c < hbm.cols ? to_float(hbm.row<bf16>(r)[c]) : 0;
  }
  std::vector<bf16> elements;
  HbmMatrix hbm;
};

class PairedProducts : public testing::Test {
 protected:
  // S = Q Kᵀ and O = diag(r) 1 + P V for `keys` keys of a head of `head_dim`, against plain loops.
  template <int Rows, int Cols>
  void expect_products(int keys, int head_dim) {
    const std::string what = std::to_string(Rows) + " rows, " + std::to_string(keys) + " keys, " +
                             std::to_string(head_dim) + " columns";
    const AmongNaNs q(random, Rows, head_dim, 300), k(random, keys, head_dim, 301),
        v(random, keys, head_dim, 300);
    block.begin({0, 0, 0}, 0);
    LeftTile<Block, Rows, Cols> Q(block, "Q");
    RightTile<Block, 64, Cols> K(block, "K"), V(block, "V");
    Accumulator<Block, Rows, 64> S(block, "S");
    Operand<Block, Rows, 64> P(block, "P");
    Accumulator<Block, Rows, Cols> O(block, "O");
    RowVector<Block, Rows> rescale(block, "rescale");
    load(Q, q.hbm, 0);
    load(K, k.hbm, 0);
    load(V, v.hbm, 0);
    fill(O, 1);
    fill(rescale, 0.5f);
    mma_ABt(S, Q, K);
    for (int r = 0; r < Rows; ++r)
      for (int c = 0; c < 64; ++c) {
        double sum = 0;
        for (int i = 0; i < head_dim; ++i) sum += double{q(r, i)} * k(c, i);
        ASSERT_NEAR(element(S, r, c), sum, 1e-4) << what << ": " << r << ", " << c;
      }
    convert(P, S, 0.125f);
    mma_AB(O, P, V, rescale);
    for (int r = 0; r < Rows; ++r)
      for (int c = 0; c < head_dim; ++c) {
        double sum = 0.5;
        for (int i = 0; i < 64; ++i) sum += double{element(P, r, i)} * v(i, c);
        ASSERT_NEAR(element(O, r, c), sum, 1e-4) << what << ": " << r << ", " << c;
      }
  }

  std::mt19937 random{1};
  cpu::Core core;
  Block block{core, find_gpu("h100"), "test", DType::bf16, false, 0, {}};
};

// Catches terms and columns past an odd head dimension, keys past the last, and rows of the wrong
// distance: the NaNs beside them would show.
TEST_F(PairedProducts, OfOddSizes) {
  for (const int keys : {64, 63, 33, 2, 1}) {
    for (const int head_dim : {1, 2, 3, 31, 32}) {
      expect_products<16, 32>(keys, head_dim);
      expect_products<32, 32>(keys, head_dim);
      expect_products<64, 32>(keys, head_dim);
    }
    for (const int head_dim : {59, 80, 96, 111, 127, 128})
      expect_products<128, 128>(keys, head_dim);
  }
  expect_products<64, 256>(64, 256);
  expect_products<64, 256>(64, 193);
}

// What an attention kernel makes of three key tiles, all of it: scores, probabilities and output.
template <int Rows>
std::vector<float> attention(bool checked) {
  std::mt19937 random{2};
  const AmongNaNs q(random, Rows, 64, 200), k(random, 170, 64, 200), v(random, 170, 64, 200);
  cpu::Core core;
  Block block{core, find_gpu("h100"), "test", DType::bf16, checked, 0, {}};
  block.begin({0, 0, 0}, 0);
  LeftTile<Block, Rows, 64> Q(block, "Q");
  RightTile<Block, 64, 64> K(block, "K"), V(block, "V");
  Accumulator<Block, Rows, 64> S(block, "S"), O(block, "O");
  Operand<Block, Rows, 64> P(block, "P");
  RowVector<Block, Rows> row_max(block, "m"), row_sum(block, "l"), rescale(block, "rescale");
  std::vector<float> all;
  const auto keep = [&](const auto& tile) {
    for (int r = 0; r < Rows; ++r)
      for (int c = 0; c < tile.cols; ++c) all.push_back(element(tile, r, c));
  };
  load(Q, q.hbm, 0);
  fill(O, 0);
  fill(row_max, -infinity);
  fill(row_sum, 0);
  for (int pass = 0; pass < 4; ++pass) {  // what is read between changes from one to the next
    for (int first = 0; first < 170; first += 64) {
      load(K, k.hbm, first);
      load(V, v.hbm, first);
      mma_ABt(S, Q, K);
      mask_end(S, 170 - first);
      mask_causal(S, Rows < 64 ? 5 : -first - 20);  // some rows see no key
      copy(rescale, row_max);
      update_row_max(row_max, S);
      exp2_difference(rescale, row_max, 0.2f);
      exp2_difference(S, row_max, 0.2f);
      if (pass == 1) keep(S);
      multiply_rows(row_sum, rescale);
      add_row_sum(row_sum, S);
      if (pass == 2) scale(S, 0.5f);
      convert(P, S, pass == 3 ? 0.25f : 1);
      if (pass == 1) keep(P);
      mma_AB(O, P, V, rescale);
      if (pass == 2) keep(P);
    }
    scale(Q, pass == 0 ? 0.5f : 0.3f);  // bf16 numbers still, and then no longer
    keep(O);
    keep(row_sum);
  }
  return all;
}

// Catches exponentials that are missing where something other than `convert` reads them, and pairs
// taken for numbers. Checked mode makes everything at once.
TEST(PairsTest, AreSeenByNobody) {
  EXPECT_EQ(attention<128>(false), attention<128>(true));
  EXPECT_EQ(attention<64>(false), attention<64>(true));
  EXPECT_EQ(attention<32>(false), attention<32>(true));
  EXPECT_EQ(attention<16>(false), attention<16>(true));
}

}  // namespace
}  // namespace tile
