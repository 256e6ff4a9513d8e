// The fixture of the tests of tile operations.
#pragma once

#include <gtest/gtest.h>

#include <limits>
#include <random>
#include <vector>

#include "testing/kernel.h"

namespace tile {

using Block = cpu::Block;

inline constexpr float infinity = std::numeric_limits<float>::infinity();

class TileTest : public testing::Test {
 protected:
  TileTest() { block.begin({0, 0, 0}, 0); }

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
  cpu::Core core;
  Block block{core, find_gpu("h100"), "test", DType::f32, false, 0, {}};
};

template <class Tile>
void expect_loaded(const Tile& tile, int rows, int cols, auto expected) {
  for (int r = 0; r < rows; ++r)
    for (int c = 0; c < cols; ++c) ASSERT_EQ(element(tile, r, c), expected(r, c)) << r << c;
}

}  // namespace tile
