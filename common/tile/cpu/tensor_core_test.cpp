// Sums of 22 bits: what counts beside a large number, and what does not.
#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "testing/kernel.h"

namespace tile {
namespace {

constexpr int rows = 64, columns = 32;

HbmMatrix hbm(std::vector<float>& data, std::int64_t row_count) {
  const auto cols = static_cast<std::int64_t>(data.size()) / row_count;
  return {Tensor::P, DType::f32, reinterpret_cast<std::byte*>(data.data()), row_count, cols, cols};
}

// c + a . b, as every element of a tile has it, from one product of Terms terms for each list of
// factors. Fails if two elements differ.
template <Sums sums, int Terms>
float sum_of(float c, const std::vector<std::vector<float>>& a, float b) {
  float result = 0;
  cpu::Device device(find_gpu("h100"), 1);
  device.set_checked(true);
  launch_lambda(device, "test", {1, 1, 1}, DType::f32, [&](auto& block) {
    Operand<cpu::Block, rows, Terms> A(block, "A");
    RightTile<cpu::Block, columns, Terms> B(block, "B");
    Accumulator<cpu::Block, rows, columns> C(block, "C");
    RowVector<cpu::Block, rows> one(block, "1");
    fill(C, c);
    fill(one, 1);
    std::vector<float> right(columns * Terms, b);
    load(B, hbm(right, columns), 0);
    for (const std::vector<float>& factors : a) {
      std::vector<float> left(rows * Terms);
      for (std::size_t i = 0; i < left.size(); ++i)
        if (i % Terms < factors.size()) left[i] = factors[i % Terms];
      load(A, hbm(left, rows), 0);
      mma_ABt<sums>(C, A, B, one);
    }
    result = element(C, 0, 0);
    for (int r = 0; r < rows; ++r)
      for (int col = 0; col < columns; ++col)
        EXPECT_TRUE(element(C, r, col) == result || std::isnan(result)) << r << ", " << col;
  });
  return result;
}

float tensor_core(float c, const std::vector<float>& a, float b) {
  return sum_of<Sums::tensor_core, 32>(c, {a}, b);
}

std::vector<float> times(int n, float x) {
  return std::vector<float>(n, x);
}

// 2^-13 is the last bit that counts beside a 1, wherever the 1 is; many smaller ones do not add up.
TEST(TensorCoreSums, KeepThirteenBitsBehindTheFirst) {
  EXPECT_EQ(tensor_core(1, times(32, 0x1p-7f), 0x1p-6f), 1 + 32 * 0x1p-13f);
  EXPECT_EQ(tensor_core(1, times(32, 0x1p-7f), 0x1p-7f), 1);
  std::vector<float> a = times(32, 0x1p-7f);
  a[31] = 0x1p7f;  // times 2^-7: 1
  EXPECT_EQ(tensor_core(0, a, 0x1p-7f), 1);
  a[31] = 0x1p6f;
  EXPECT_EQ(tensor_core(0, a, 0x1p-6f), 1 + 31 * 0x1p-13f);
}

// 1 - 2^-14 would be 1 - 2^-13 if it were rounded down.
TEST(TensorCoreSums, TruncateTowardsZero) {
  EXPECT_EQ(tensor_core(1, times(1, -0x1p-7f), 0x1p-7f), 1);
  EXPECT_EQ(tensor_core(-1, times(1, 0x1p-7f), 0x1p-7f), -1);
  EXPECT_EQ(tensor_core(1, times(3, 1.75f), 0x1p-13f), 1 + 3 * 0x1p-13f);
  EXPECT_EQ(tensor_core(1, times(3, -1.75f), 0x1p-13f), 1 - 3 * 0x1p-13f);
}

// The last bit of 2 is worth 2^-12, that of 32 is worth 2^-8.
TEST(TensorCoreSums, CutTheResultOffToo) {
  EXPECT_EQ(tensor_core(1 + 0x1p-13f, times(1, 1), 1), 2);
  EXPECT_EQ(tensor_core(0x1p-13f, times(1, 1), 1), 1 + 0x1p-13f);
  EXPECT_EQ(tensor_core(1 + 0x1p-8f, times(31, 1), 1), 32 + 0x1p-8f);
  EXPECT_EQ(tensor_core(1 + 0x1p-9f, times(31, 1), 1), 32);
}

// 1.5 * 1.5 = 2.25 is aligned as 1 is, by its factors' exponents, so 2^-13 counts beside it. Beside
// the sum 2.25, whose exponent is 1, it does not.
TEST(TensorCoreSums, AlignProductsByTheExponentsOfTheirFactors) {
  EXPECT_EQ(tensor_core(3 * 0x1p-13f, times(1, 1.5f), 1.5f), 2.25f + 2 * 0x1p-13f);
  EXPECT_EQ(tensor_core(2.25f, times(3, 0x1p-7f), 0x1p-6f), 2.25f);
}

// The subnormal E4M3 number 2^-9 is aligned as 2^-6 is: 2^-19 is the last bit that counts beside
// it.
TEST(TensorCoreSums, AlignSubnormalNumbersAsTheLeastNormalOne) {
  const auto sum = [](float c, DType dtype) {
    std::vector<float> a(16 * 32), b(32), ones(16, 1), sums(16, c);
    std::fill_n(a.begin(), 16, 0x1p-9f);
    b[0] = 1;
    cpu::multiply_ABt_in_tensor_core(
        {cpu::Update::add, sums.data(), a.data(), 16, 1, 32, ones.data()}, dtype, {b.data(), 32},
        DType::e4m3, Sums::tensor_core);
    return sums[3];
  };
  EXPECT_EQ(sum(0x1p-19f, DType::e4m3), 0x1p-9f + 0x1p-19f);
  EXPECT_EQ(sum(0x1p-20f, DType::e4m3), 0x1p-9f);
  EXPECT_EQ(sum(0x1p-20f, DType::e5m2), 0x1p-9f + 0x1p-20f);  // there it is normal
}

TEST(TensorCoreSums, OfWhatIsNotFiniteAreNaN) {
  EXPECT_TRUE(std::isnan(tensor_core(1, times(1, NAN), 1)));
  EXPECT_TRUE(std::isnan(tensor_core(NAN, times(1, 1), 1)));
  EXPECT_TRUE(std::isnan(tensor_core(1, times(1, NAN), 0)));
  EXPECT_EQ(tensor_core(0, times(32, 0), 1), 0);
}

// 128 terms of 2^-7 are 1. An accumulator at 2^14 does not see any of them; one that starts from
// zero adds them up, and fp32 has room for the sum.
TEST(TensorCoreSums, PromotionKeepsWhatALargeSumLoses) {
  const std::vector<std::vector<float>> a(3, times(256, 0x1p-7f));
  EXPECT_EQ((sum_of<Sums::tensor_core, 256>(0x1p14f, a, 1)), 0x1p14f);
  EXPECT_EQ((sum_of<Sums::promoted, 256>(0x1p14f, a, 1)), 0x1p14f + 6);
  EXPECT_EQ((sum_of<Sums::fp32, 256>(0x1p14f, a, 1)), 0x1p14f + 6);
}

// A term of 1 and 159 of 2^-14: in the first 128 terms those are lost, the last 32 add up.
TEST(TensorCoreSums, PromotionComesAfter128Terms) {
  std::vector<float> a = times(160, 0x1p-14f);
  a[0] = 1;
  EXPECT_EQ((sum_of<Sums::promoted, 160>(0, {a}, 1)), 1 + 32 * 0x1p-14f);
  EXPECT_EQ((sum_of<Sums::tensor_core, 160>(0, {a}, 1)), 1);
}

// The model in integers, an element at a time, for numbers that FP8 has.
float plain_instruction(float c, const float* a, const float* b) {
  const auto exponent = [](float x) { return x == 0 ? -1000 : std::ilogb(x); };
  int largest = exponent(c);
  for (int t = 0; t < 32; ++t) largest = std::max(largest, exponent(a[t]) + exponent(b[t]));
  const auto fixed = [&](double x) {
    return static_cast<std::int64_t>(std::trunc(std::ldexp(x, 13 - largest)));
  };
  std::int64_t sum = fixed(c);
  for (int t = 0; t < 32; ++t) sum += fixed(static_cast<double>(a[t]) * b[t]);
  if (sum == 0) return 0;
  const double exact = std::ldexp(static_cast<double>(sum), largest - 13);
  const int last = std::ilogb(exact) - 13;
  return static_cast<float>(std::ldexp(std::trunc(std::ldexp(exact, -last)), last));
}

// Catches a wrong row, column or term, in each update of C.
TEST(TensorCoreSums, OfATileAreThoseOfThePlainModel) {
  constexpr int terms = 64;
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  const auto draw = [&](int count) {
    std::vector<float> x(count);
    for (float& value : x) {
      value = to_float(to_e4m3(normal(random) * std::exp2(2 * normal(random))));
      if (std::abs(value) < 0x1p-6f) value = 0;  // subnormal numbers have a test of their own
    }
    return x;
  };
  std::vector<float> a = draw(rows * terms), b = draw(columns * terms), c = draw(rows * columns),
                     factor = draw(rows), s(rows * columns), o(rows * columns);
  cpu::Device device(find_gpu("h100"), 1);
  launch_lambda(device, "test", {1, 1, 1}, DType::f32, [&](auto& block) {
    Operand<cpu::Block, rows, terms> A(block, "A");
    RightTile<cpu::Block, columns, terms> B(block, "B");
    Accumulator<cpu::Block, rows, columns> S(block, "S"), O(block, "O");
    RowVector<cpu::Block, rows> r(block, "r");
    load(A, hbm(a, rows), 0);
    load(B, hbm(b, columns), 0);
    load(O, hbm(c, rows), 0);
    load(r, HbmVector{Tensor::m, factor.data(), rows}, 0);
    mma_ABt<Sums::tensor_core>(S, A, B);
    mma_ABt<Sums::tensor_core>(O, A, B, r);
    store(hbm(s, rows), 0, S);
    store(hbm(o, rows), 0, O);
  });
  for (int row = 0; row < rows; ++row)
    for (int col = 0; col < columns; ++col) {
      const int i = row * columns + col;
      float of_s = 0, of_o = factor[row] * c[i];
      for (int t = 0; t < terms; t += 32) {
        of_s = plain_instruction(of_s, &a[row * terms + t], &b[col * terms + t]);
        of_o = plain_instruction(of_o, &a[row * terms + t], &b[col * terms + t]);
      }
      ASSERT_EQ(s[i], of_s) << row << ", " << col;
      ASSERT_EQ(o[i], of_o) << row << ", " << col;
    }
}

}  // namespace
}  // namespace tile
