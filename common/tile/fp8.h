// The two FP8 formats of the Open Compute Project (OFP8, 2023), and their conversions.
//
//   e4m3   1 sign, 4 exponent (bias 7) and 3 mantissa bits   largest 448     smallest 2^-9
//   e5m2   1 sign, 5 exponent (bias 15) and 2 mantissa bits  largest 57344   smallest 2^-16
//
// e5m2 is laid out as IEEE 754 does, with infinities. e4m3 gives their codes to numbers: it has no
// infinity, and one NaN of each sign (0x7f, 0xff).
#pragma once

#include <bit>
#include <cstdint>

namespace tile {

struct e4m3 {
  std::uint8_t bits;
};

struct e5m2 {
  std::uint8_t bits;
};

constexpr float to_float(e4m3 x) {
  const std::uint32_t sign = (x.bits & 0x80u) << 24;
  const std::uint32_t magnitude = (x.bits & 0x7fu) << 20;
  // Moving the bits leaves the exponent 120 too small, for normal and subnormal numbers alike.
  const float scaled = std::bit_cast<float>(magnitude) * 0x1p120f;
  const bool nan = magnitude == 0x7fu << 20;
  return std::bit_cast<float>((nan ? 0x7fc00000u : std::bit_cast<std::uint32_t>(scaled)) | sign);
}

constexpr float to_float(e5m2 x) {
  const std::uint32_t sign = (x.bits & 0x80u) << 24;
  const std::uint32_t magnitude = (x.bits & 0x7fu) << 21;
  const float scaled = std::bit_cast<float>(magnitude) * 0x1p112f;
  const bool special = magnitude >= 0x7cu << 21;  // infinity and NaN keep an exponent of ones
  const std::uint32_t bits =
      special ? (magnitude | 0x7f800000u) : std::bit_cast<std::uint32_t>(scaled);
  return std::bit_cast<float>(bits | sign);
}

// The code that `x` rounds to: to nearest, ties to even. It saturates as CUDA's __NV_SATFINITE
// does: what rounds past the largest finite value, and an infinity, becomes that value. A NaN stays
// one. `Largest` and `Nan` are codes.
//
// Adding 2^(exponent + dropped bits) lines the last bit of the result up with the last bit of the
// sum; the smallest normal number's exponent serves for the subnormal ones.
template <int MantissaBits, int Bias, std::uint32_t Largest, std::uint32_t Nan>
constexpr std::uint8_t fp8_code(float x) {
  constexpr int dropped = 23 - MantissaBits;
  constexpr std::uint32_t one = 1u << 23;  // a step of fp32's exponent
  constexpr std::uint32_t rebias = (127 - Bias) * one;
  constexpr std::uint32_t first_normal = rebias + one, largest = rebias + (Largest << dropped);
  const auto bits = std::bit_cast<std::uint32_t>(x);
  const std::uint32_t magnitude = bits & 0x7fffffffu;
  const std::uint32_t limited = magnitude < largest ? magnitude : largest;
  const std::uint32_t own = limited & 0x7f800000u;
  const std::uint32_t exponent = own < first_normal ? first_normal : own;
  const std::uint32_t aligner = exponent + dropped * one;
  const float sum = std::bit_cast<float>(limited) + std::bit_cast<float>(aligner);
  const std::uint32_t mantissa = std::bit_cast<std::uint32_t>(sum) - aligner;
  const std::uint32_t finite = ((exponent - first_normal) >> dropped) + mantissa;
  const std::uint32_t code = magnitude > 0x7f800000u ? Nan : finite;
  return static_cast<std::uint8_t>((bits >> 24 & 0x80u) | code);
}

constexpr e4m3 to_e4m3(float x) {
  return {fp8_code<3, 7, 0x7e, 0x7f>(x)};
}

constexpr e5m2 to_e5m2(float x) {
  return {fp8_code<2, 15, 0x7b, 0x7e>(x)};
}

// How a product of FP8 operands sums its terms.
enum class Sums : std::uint8_t {
  fp32,
  tensor_core,  // as Hopper's tensor cores do: 13 bits behind the first bit of the largest
  promoted,     // so for 128 terms at most; these sums are added in fp32
};

}  // namespace tile
