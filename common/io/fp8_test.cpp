// FP8 against the ml_dtypes package: every code, and every bf16 and f16 rounded.
#include "tile/fp8.h"

#include <gtest/gtest.h>

#include <cstring>

#include "io/safetensors.h"
#include "tile/dtype.h"

namespace tile {
namespace {

const flash::FileTensors& table() {
  static const flash::FileTensors tensors =
      flash::read_safetensors(std::string(ATTENTION_DATA_DIR) + "/fp8.safetensors");
  return tensors;
}

template <class T>
void expect_values(const char* tensor) {
  const flash::Buffer& bytes = table().at(tensor).bytes;
  ASSERT_EQ(bytes.size(), 256 * sizeof(float));
  for (int code = 0; code < 256; ++code) {
    float expected;
    std::memcpy(&expected, bytes.data() + code * sizeof expected, sizeof expected);
    const float value = to_float(T{static_cast<std::uint8_t>(code)});
    if (std::isnan(expected)) {
      EXPECT_TRUE(std::isnan(value)) << code;
    } else {
      EXPECT_EQ(std::bit_cast<std::uint32_t>(value), std::bit_cast<std::uint32_t>(expected))
          << code;
      EXPECT_TRUE(std::isinf(value) || from_float<T>(value).bits == code) << code;
    }
  }
}

template <class T, class From>
void expect_codes(const char* tensor) {
  const flash::Buffer& bytes = table().at(tensor).bytes;
  ASSERT_EQ(bytes.size(), 0x10000u);
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const T expected{static_cast<std::uint8_t>(bytes[bits])};
    const T rounded = from_float<T>(to_float(From{static_cast<std::uint16_t>(bits)}));
    if (std::isnan(to_float(expected)))
      ASSERT_TRUE(std::isnan(to_float(rounded))) << tensor << " " << bits;
    else
      ASSERT_EQ(rounded.bits, expected.bits) << tensor << " " << bits;
  }
}

TEST(Fp8, ValuesOfEveryCode) {
  expect_values<e4m3>("e4m3");
  expect_values<e5m2>("e5m2");
}

TEST(Fp8, RoundingOfEveryBf16) {
  expect_codes<e4m3, bf16>("e4m3_from_bf16");
  expect_codes<e5m2, bf16>("e5m2_from_bf16");
}

TEST(Fp8, RoundingOfEveryF16) {
  expect_codes<e4m3, f16>("e4m3_from_f16");
  expect_codes<e5m2, f16>("e5m2_from_f16");
}

// Half-way between neighbours, and one unit of fp32 to either side: what no 16-bit value reaches.
// Catches rounding twice, and ties that do not go to the even code.
template <class T>
void expect_nearest(int finite_codes) {
  for (int code = 0; code + 1 < finite_codes; ++code) {
    const float at = to_float(T{static_cast<std::uint8_t>(code)});
    const float next = to_float(T{static_cast<std::uint8_t>(code + 1)});
    const float middle = (at + next) / 2;
    EXPECT_EQ(from_float<T>(middle).bits, code + code % 2);
    EXPECT_EQ(from_float<T>(std::nextafter(middle, at)).bits, code);
    EXPECT_EQ(from_float<T>(std::nextafter(middle, next)).bits, code + 1);
    EXPECT_EQ(from_float<T>(-middle).bits, 0x80 + code + code % 2);
  }
}

TEST(Fp8, RoundsToNearestAndTiesToEven) {
  expect_nearest<e4m3>(0x7f);
  expect_nearest<e5m2>(0x7c);
}

TEST(Fp8, SaturatesAndKeepsNaN) {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  for (const float large : {449.0f, 464.0f, 480.0f, 1e6f, 3e38f, infinity})
    EXPECT_EQ(to_float(from_float<e4m3>(-large)), -448);
  for (const float large : {57345.0f, 61440.0f, 65536.0f, 3e38f, infinity})
    EXPECT_EQ(to_float(from_float<e5m2>(large)), 57344);
  EXPECT_EQ(from_float<e4m3>(NAN).bits, 0x7f);
  EXPECT_TRUE(std::isnan(to_float(from_float<e5m2>(NAN))));
}

}  // namespace
}  // namespace tile
