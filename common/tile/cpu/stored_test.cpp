// Tiles in the type of their tensor, in pages, against the same tiles in fp32.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <numeric>
#include <random>
#include <vector>

#include "testing/kernel.h"
#include "tile/cpu/simd/widen.h"

namespace tile {
namespace {

using Block = cpu::Block;

// Catches a NaN, a sign or a subnormal number that a conversion of many at once gets wrong.
TEST(WidenTest, EveryCodeOfE4m3) {
  alignas(64) e4m3 codes[256];
  for (int i = 0; i < 256; ++i) codes[i] = {static_cast<std::uint8_t>(i)};
  float wide[256];
  const HbmMatrix hbm{Tensor::K, DType::e4m3, reinterpret_cast<std::byte*>(codes), 1, 256, 256};
  cpu::read_rows(wide, 256, 256, hbm, {0, 0, 1, 256}, 1);
  for (int i = 0; i < 256; ++i) {
    const float expected = to_float(codes[i]);
    ASSERT_EQ(std::isnan(wide[i]), std::isnan(expected)) << i;
    if (!std::isnan(expected)) {
      ASSERT_EQ(wide[i], expected) << i;
    }
  }
}

// [200, 128], normal numbers in pages from last to first.
class StoredTest : public testing::Test {
 protected:
  HbmMatrix matrix(DType dtype, std::int64_t page_rows) {
    const std::int64_t pages = 200 / page_rows + 1, page_stride = page_rows * 128;
    table_.resize(pages);
    std::iota(table_.rbegin(), table_.rend(), 0);
    memory_.resize(pages * page_stride * 4);
    std::normal_distribution<float> normal;
    with_type(dtype, [&](auto type) {
      using T = decltype(type);
      auto* elements = reinterpret_cast<T*>(memory_.data());
      for (std::int64_t i = 0; i < pages * page_stride; ++i)
        elements[i] = from_float<T>(normal(random_));
    });
    return {.tensor = Tensor::K,
            .dtype = dtype,
            .data = memory_.data(),
            .rows = 200,
            .cols = 128,
            .row_stride = 128,
            .page_rows = page_rows,
            .page_stride = page_stride,
            .table = table_.data(),
            .cache_pages = pages};
  }

  // S = Q Kᵀ and O = 0.5 + P K, with K as it is stored and in fp32.
  template <int Rows>
  void expect_same_products(const HbmMatrix& hbm, std::int64_t row, DType operand) {
    cpu::Core core;
    Block block{core, find_gpu("h100"), "test", operand, false, 0, {}};
    block.begin({0, 0, 0}, 0);
    LeftTile<Block, Rows, 128> Q(block, "Q");
    RightTile<Block, 64, 128> stored(block, "stored"), wide(block, "wide");
    Accumulator<Block, Rows, 64> S(block, "S"), S_wide(block, "S_wide");
    Operand<Block, Rows, 64> P(block, "P");
    Accumulator<Block, Rows, 128> O(block, "O"), O_wide(block, "O_wide");
    RowVector<Block, Rows> half(block, "half");
    std::normal_distribution<float> normal;
    for (int i = 0; i < Rows * 128; ++i) Q.data[i] = normal(random_);
    cpu::round_to(Q.data, operand, Q.data, 1, Rows * 128);
    load(stored, hbm, row);
    std::vector<float> rows = fp32(hbm, row);
    load(wide, {Tensor::V, DType::f32, reinterpret_cast<std::byte*>(rows.data()), 64, 128, 128}, 0);
    mma_ABt(S, Q, stored);
    mma_ABt(S_wide, Q, wide);
    expect_near(S, S_wide);
    convert(P, S, 0.125f);
    fill(half, 0.5f);
    fill(O, 1);
    fill(O_wide, 1);
    mma_AB(O, P, stored, half);
    mma_AB(O_wide, P, wide, half);
    expect_near(O, O_wide);
  }

  // 64 rows, zeros past the end.
  static std::vector<float> fp32(const HbmMatrix& hbm, std::int64_t row) {
    std::vector<float> rows(64 * 128);
    with_type(hbm.dtype, [&](auto type) {
      for (std::int64_t r = 0; r < std::min<std::int64_t>(64, hbm.rows - row); ++r)
        for (int c = 0; c < 128; ++c)
          rows[r * 128 + c] = to_float(hbm.row<decltype(type)>(row + r)[c]);
    });
    return rows;
  }

  template <int Rows, int Cols>
  static void expect_near(const cpu::ColumnTile<Rows, Cols>& a,
                          const cpu::ColumnTile<Rows, Cols>& b) {
    for (int i = 0; i < Rows * Cols; ++i) ASSERT_NEAR(a.data[i], b.data[i], 2e-4) << i;
  }

  std::mt19937 random_{1};
  std::vector<std::byte> memory_;
  std::vector<std::int32_t> table_;
};

// Catches rows of the wrong page, a tail that is not zero, and a wrong order of elements in the
// products that convert, or that multiply bf16 numbers.
TEST_F(StoredTest, ProductsAreThoseOfTheTileInFp32) {
  for (const DType dtype : {DType::f32, DType::bf16, DType::f16, DType::e4m3, DType::e5m2})
    for (const std::int64_t page_rows : {1, 7, 64, 256})
      for (const std::int64_t row : {0, 64, 128, 192}) {  // the last has 8 rows
        const HbmMatrix hbm = matrix(dtype, page_rows);
        for (const DType operand : {DType::f32, DType::bf16}) {
          expect_same_products<8>(hbm, row, operand);
          expect_same_products<16>(hbm, row, operand);
          expect_same_products<128>(hbm, row, operand);
        }
      }
}

// Numbers of every sign, exponent and leading mantissa, on both sides of where rounding turns.
std::vector<float> numbers() {
  std::vector<float> all;
  for (std::uint32_t high = 0; high < 1u << 16; ++high)
    for (const std::uint32_t low : {0u, 1u, 0x7fffu, 0x8000u, 0x8001u, 0xffffu})
      all.push_back(std::bit_cast<float>(high << 16 | low));
  return all;
}

// Catches a rounding in the SIMD lanes that is not that of the scalar conversion.
TEST(Rounding, IsThatOfOneElement) {
  const std::vector<float> from = numbers();
  const auto count = static_cast<std::int64_t>(from.size());
  for (const DType dtype : {DType::f32, DType::bf16, DType::f16, DType::e4m3, DType::e5m2}) {
    std::vector<float> rounded(from.size());
    cpu::round_to(rounded.data(), dtype, from.data(), 1, count);
    std::vector<std::byte> narrow(from.size() * size_in_bytes(dtype));
    cpu::narrow(narrow.data(), dtype, from.data(), count);
    with_type(dtype, [&](auto type) {
      using T = decltype(type);
      for (std::size_t i = 0; i < from.size(); ++i) {
        const T one = from_float<T>(from[i]);
        const float expected = to_float(one);
        if (std::isnan(expected))
          ASSERT_TRUE(std::isnan(rounded[i])) << name(dtype) << " of " << from[i];
        else
          ASSERT_EQ(rounded[i], expected) << name(dtype) << " of " << from[i];
        ASSERT_EQ(std::memcmp(narrow.data() + i * sizeof(T), &one, sizeof(T)), 0)
            << name(dtype) << " of " << from[i];
      }
    });
  }
}

}  // namespace
}  // namespace tile
