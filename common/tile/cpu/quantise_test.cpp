// What FP8 attention adds to the vocabulary: rotation, rounding, and a transposed right operand.
#include <gtest/gtest.h>

#include <bit>
#include <random>
#include <vector>

#include "testing/kernel.h"

namespace tile {
namespace {

using Matrix = std::vector<float>;  // row by row

constexpr Signs signs = {0x9e3779b97f4a7c15u, 0xbf58476d1ce4e5b9u, 0x94d049bb133111ebu, 12345};
constexpr Signs no_signs = {};
constexpr int rows = 64;

Matrix normal(std::int64_t elements, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> distribution;
  Matrix result(elements);
  for (float& x : result) x = distribution(random);
  return result;
}

HbmMatrix hbm(TensorId tensor, Matrix& m, std::int64_t row_count) {
  const auto cols = static_cast<std::int64_t>(m.size()) / row_count;
  return {tensor, DType::f32, reinterpret_cast<std::byte*>(m.data()), row_count, cols, cols};
}

// Calls f(block) once, in checked mode; returns what it counted.
template <class F>
Counters run(F f, DType dtype = DType::f32) {
  cpu::Device device(find_gpu("h100"), 1);
  device.set_checked(true);
  launch_lambda(device, "test", {1, 1, 1}, dtype, f);
  return device.counters();
}

template <int Columns>
Matrix rotated(Matrix x, const Signs& with) {
  run([&](auto& block) {
    Accumulator<cpu::Block, rows, Columns> tile(block, "X");
    const auto columns = static_cast<int>(x.size() / rows);
    load(tile, hbm(Tensor::Q, x, rows), 0);
    hadamard(tile, columns, with);
    store(hbm(Tensor::O, x, rows), 0, tile);
  });
  return x;
}

double dot(const Matrix& a, std::int64_t i, const Matrix& b, std::int64_t j) {
  const auto columns = static_cast<std::int64_t>(a.size()) / rows;
  double sum = 0;
  for (std::int64_t c = 0; c < columns; ++c)
    sum += static_cast<double>(a[i * columns + c]) * b[j * columns + c];
  return sum;
}

// The largest difference between the products of all rows before and after, in units of fp32
// rounding at the size of the terms.
template <int Columns>
double change_of_products(int columns, const Signs& of_q, const Signs& of_k) {
  const Matrix q = normal(rows * columns, 1), k = normal(rows * columns, 2);
  const Matrix rotated_q = rotated<Columns>(q, of_q), rotated_k = rotated<Columns>(k, of_k);
  double largest = 0;
  for (std::int64_t i = 0; i < rows; ++i)
    for (std::int64_t j = 0; j < rows; ++j)
      largest = std::max(largest, std::abs(dot(q, i, k, j) - dot(rotated_q, i, rotated_k, j)));
  return largest / (0x1p-24 * columns);
}

TEST(Hadamard, IsOrthogonal) {
  for (const int columns : {1, 2, 4, 8, 16, 32, 64}) {
    Matrix identity(rows * columns);
    for (int i = 0; i < columns; ++i) identity[i * columns + i] = 1;
    const Matrix h = rotated<64>(identity, signs);
    for (int i = 0; i < columns; ++i)
      for (int j = 0; j < columns; ++j)
        ASSERT_NEAR(dot(h, i, h, j), i == j, 1e-6) << columns << ": " << i << ", " << j;
  }
}

TEST(Hadamard, LeavesTheProductsOfRows) {
  EXPECT_LT(change_of_products<64>(32, signs, signs), 8);
  EXPECT_LT(change_of_products<128>(128, signs, signs), 8);
  EXPECT_LT(change_of_products<256>(256, signs, signs), 8);
}

// The test above can fail: this is the mistake that it looks for.
TEST(Hadamard, SignsOfOneOperandOnlyChangeTheProducts) {
  EXPECT_GT(change_of_products<128>(128, signs, no_signs), 1e4);
  EXPECT_GT(change_of_products<128>(128, no_signs, signs), 1e4);
}

// Catches a butterfly of the wrong columns. Element (i, j) of Sylvester's matrix is -1 to the
// number of ones that i and j have in common.
TEST(Hadamard, IsSylvestersMatrix) {
  constexpr int columns = 64;
  Matrix identity(rows * columns);
  for (int i = 0; i < columns; ++i) identity[i * columns + i] = 1;
  const Matrix h = rotated<columns>(identity, signs);
  for (int i = 0; i < columns; ++i)
    for (int j = 0; j < columns; ++j) {
      const int sign = (signs[0] >> i & 1) != 0 ? -1 : 1;
      ASSERT_EQ(h[i * columns + j],
                (std::popcount(unsigned(i & j)) % 2 != 0 ? -1 : 1) * sign / 8.0f);
    }
}

// One outlier is spread over the row: what the rotation is for.
TEST(Hadamard, SpreadsAnOutlier) {
  Matrix x(rows * 128);
  x[5] = 100;
  const Matrix y = rotated<128>(x, signs);
  for (int c = 0; c < 128; ++c) EXPECT_NEAR(std::abs(y[c]), 100 / std::sqrt(128.0f), 1e-4);
}

// d log2(d) additions a row, and d multiplications.
TEST(Hadamard, CountsTheFastTransform) {
  const Counters counted = run([&](auto& block) {
    Accumulator<cpu::Block, rows, 128> tile(block, "X");
    fill(tile, 1);
    hadamard(tile, 128, signs);
  });
  EXPECT_EQ(counted.flops, rows * 128 * (7 + 1));
}

TEST(Hadamard, RefusesOtherThanPowersOfTwo) {
  const auto with = [](int columns) {
    run([&](auto& block) {
      Accumulator<cpu::Block, rows, 64> tile(block, "X");
      fill(tile, 1);
      hadamard(tile, columns, signs);
    });
  };
  EXPECT_THROW(with(48), TileError);
  EXPECT_THROW(with(128), TileError);
}

TEST(Quantise, LargestMagnitudePassesOverNaN) {
  Matrix x = normal(rows * 32, 3);
  x[7] = -50, x[8] = NAN;
  run([&](auto& block) {
    Accumulator<cpu::Block, rows, 32> tile(block, "X");
    load(tile, hbm(Tensor::Q, x, rows), 0);
    EXPECT_EQ(largest_magnitude(tile), 50);
    fill(tile, -INFINITY);
    EXPECT_EQ(largest_magnitude(tile), INFINITY);
  });
}

TEST(Quantise, RoundsToTheFormatInUnitsOfTheFactor) {
  const Matrix x = normal(rows * 32, 4);
  Matrix y = x;
  run(
      [&](auto& block) {
        Accumulator<cpu::Block, rows, 32> tile(block, "X");
        Operand<cpu::Block, rows, 32> rounded(block, "P");
        load(tile, hbm(Tensor::Q, y, rows), 0);
        convert(rounded, tile, 3);
        store(hbm(Tensor::O, y, rows), 0, rounded);
      },
      DType::e4m3);
  for (std::size_t i = 0; i < x.size(); ++i) ASSERT_EQ(y[i], to_float(to_e4m3(x[i] * 3)));
}

TEST(Quantise, ScalarsAreCountedAndBounded) {
  float data[] = {1, 2, 3};
  const HbmVector scales{Tensor::scales, data, 3};
  const Counters counted = run([&](auto& block) {
    EXPECT_EQ(load_scalar(block, scales, 2), 3);
    store_scalar(block, scales, 0, 7);
  });
  EXPECT_EQ(data[0], 7);
  EXPECT_EQ(counted.hbm_read[Tensor::scales], 4);
  EXPECT_EQ(counted.hbm_write[Tensor::scales], 4);
  EXPECT_THROW(run([&](auto& block) { load_scalar(block, scales, 4); }), TileError);
  EXPECT_THROW(run([&](auto& block) { store_scalar(block, scales, 3, 0); }), TileError);
}

// Catches a store past the end of either dimension, and one that does not transpose.
TEST(Transposed, StoreDropsTheTail) {
  Matrix from = normal(rows * 32, 5), to(40 * 70, -1);
  const Counters counted = run([&](auto& block) {
    Accumulator<cpu::Block, rows, 32> tile(block, "V");
    load(tile, hbm(Tensor::V, from, rows), 0);
    HbmMatrix part = hbm(Tensor::V8, to, 40);
    part.rows = 30, part.cols = 60;
    store_transposed(part, 0, 10, tile);
  });
  for (int r = 0; r < 40; ++r)
    for (int c = 0; c < 70; ++c) {
      const bool inside = r < 30 && c >= 10 && c < 60;
      ASSERT_EQ(to[r * 70 + c], inside ? from[(c - 10) * 32 + r] : -1) << r << ", " << c;
    }
  EXPECT_EQ(counted.hbm_write[Tensor::V8], 30 * 50 * 4);
}

TEST(Transposed, ProductRescalesWhatWasThere) {
  Matrix o = normal(rows * 32, 6), p = normal(rows * 64, 7), v = normal(32 * 64, 8);
  Matrix factor = normal(rows, 9);
  const Matrix before = o;
  run([&](auto& block) {
    Accumulator<cpu::Block, rows, 32> O(block, "O");
    Operand<cpu::Block, rows, 64> P(block, "P");
    RightTile<cpu::Block, 32, 64> V(block, "V");
    RowVector<cpu::Block, rows> rescale(block, "rescale");
    load(O, hbm(Tensor::O, o, rows), 0);
    load(P, hbm(Tensor::P, p, rows), 0);
    load(V, hbm(Tensor::V, v, 32), 0);
    load(rescale, HbmVector{Tensor::m, factor.data(), rows}, 0);
    mma_ABt(O, P, V, rescale);
    store(hbm(Tensor::O, o, rows), 0, O);
  });
  for (int r = 0; r < rows; ++r)
    for (int c = 0; c < 32; ++c) {
      double expected = static_cast<double>(factor[r]) * before[r * 32 + c];
      for (int t = 0; t < 64; ++t) expected += static_cast<double>(p[r * 64 + t]) * v[c * 64 + t];
      ASSERT_NEAR(o[r * 32 + c], expected, 1e-4);
    }
}

}  // namespace
}  // namespace tile
