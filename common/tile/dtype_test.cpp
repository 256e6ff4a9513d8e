// The 16-bit conversions against Eigen's, for every value and around every rounding.
#include "tile/dtype.h"

#include <gtest/gtest.h>

#pragma GCC diagnostic push
#ifndef __clang__
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <Eigen/Core>
#pragma GCC diagnostic pop

namespace tile {
namespace {

template <class T, class EigenT>
EigenT eigen_value(T x) {
  return Eigen::numext::bit_cast<EigenT>(x.bits);
}

template <class T, class EigenT>
void expect_widening_agrees() {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const T x{static_cast<std::uint16_t>(bits)};
    const float mine = to_float(x), eigen = static_cast<float>(eigen_value<T, EigenT>(x));
    if (std::isnan(eigen)) {
      ASSERT_TRUE(std::isnan(mine)) << bits;
    } else {
      ASSERT_EQ(std::bit_cast<std::uint32_t>(mine), std::bit_cast<std::uint32_t>(eigen)) << bits;
    }
  }
}

// At each value, half-way to the next, and one unit of fp32 to either side of both.
template <class T, class EigenT>
void expect_rounding_agrees() {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const float at = to_float(T{static_cast<std::uint16_t>(bits)});
    const float next = to_float(T{static_cast<std::uint16_t>(bits + 1)});
    const float middle = static_cast<float>((static_cast<double>(at) + next) / 2);
    for (const float x : {at, middle}) {
      for (const float y : {x, std::nextafter(x, 1e38f), std::nextafter(x, -1e38f)}) {
        if (std::isnan(y)) {
          ASSERT_TRUE(std::isnan(to_float(from_float<T>(y))));
        } else {
          const auto eigen = Eigen::numext::bit_cast<std::uint16_t>(static_cast<EigenT>(y));
          ASSERT_EQ(from_float<T>(y).bits, eigen) << std::hexfloat << y;
        }
      }
    }
  }
}

TEST(DTypeTest, WideningOfEveryBf16) {
  expect_widening_agrees<bf16, Eigen::bfloat16>();
}
TEST(DTypeTest, WideningOfEveryF16) {
  expect_widening_agrees<f16, Eigen::half>();
}
TEST(DTypeTest, RoundingToBf16) {
  expect_rounding_agrees<bf16, Eigen::bfloat16>();
}
TEST(DTypeTest, RoundingToF16) {
  expect_rounding_agrees<f16, Eigen::half>();
}

TEST(DTypeTest, OverflowBecomesInfinity) {
  EXPECT_EQ(from_float<f16>(65519.9f).bits, 0x7bff);
  EXPECT_EQ(from_float<f16>(65520.0f).bits, 0x7c00);
  EXPECT_EQ(from_float<f16>(-1e30f).bits, 0xfc00);
  EXPECT_EQ(from_float<bf16>(std::numeric_limits<float>::max()).bits, 0x7f80);
}

}  // namespace
}  // namespace tile
