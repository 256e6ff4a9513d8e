// Element types of tensors in HBM, and their conversions to and from fp32.
//
// On chip the CPU backend computes with every element as fp32; `load` widens and `store` rounds (to
// nearest, ties to even). The conversions are branch-free so that a loop over them vectorises.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <string_view>

#include "tile/compiler.h"
#include "tile/fp8.h"

namespace tile {

// Inputs and outputs have one of the first three; fp8.h describes the others.
enum class DType : std::uint8_t { f32, bf16, f16, e4m3, e5m2 };

constexpr std::string_view name(DType dtype) {
  constexpr std::string_view names[] = {"f32", "bf16", "f16", "e4m3", "e5m2"};
  return names[static_cast<int>(dtype)];
}

TILE_HOST_DEVICE constexpr int size_in_bytes(DType dtype) {
  return dtype == DType::f32 ? 4 : dtype == DType::bf16 || dtype == DType::f16 ? 2 : 1;
}

// The distance from 1 to the next larger value.
constexpr double epsilon(DType dtype) {
  constexpr double values[] = {0x1p-23, 0x1p-7, 0x1p-10, 0x1p-3, 0x1p-2};
  return values[static_cast<int>(dtype)];
}

struct bf16 {
  std::uint16_t bits;
};

struct f16 {
  std::uint16_t bits;
};

constexpr float to_float(float x) {
  return x;
}

constexpr float to_float(bf16 x) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(x.bits) << 16);
}

constexpr float to_float(f16 x) {
  const std::uint32_t sign = (x.bits & 0x8000u) << 16;
  const std::uint32_t magnitude = (x.bits & 0x7fffu) << 13;
  // Moving the bits leaves the exponent 112 too small, for normal and subnormal numbers alike.
  const float scaled = std::bit_cast<float>(magnitude) * 0x1p112f;
  const bool special = (x.bits & 0x7c00u) == 0x7c00u;  // infinity and NaN keep an exponent of ones
  const std::uint32_t bits =
      special ? (magnitude | 0x7f800000u) : std::bit_cast<std::uint32_t>(scaled);
  return std::bit_cast<float>(bits | sign);
}

template <class T>
constexpr T from_float(float x);

template <>
constexpr float from_float<float>(float x) {
  return x;
}

template <>
constexpr bf16 from_float<bf16>(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  const std::uint32_t rounded = bits + 0x7fffu + ((bits >> 16) & 1u);
  const bool nan = (bits & 0x7fffffffu) > 0x7f800000u;
  return {static_cast<std::uint16_t>(nan ? (bits >> 16) | 0x40u : rounded >> 16)};
}

template <>
constexpr f16 from_float<f16>(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  const std::uint32_t sign = (bits >> 16) & 0x8000u;
  const std::uint32_t magnitude = bits & 0x7fffffffu;
  const std::uint32_t normal = magnitude - 0x38000000u + 0xfffu + ((magnitude >> 13) & 1u);
  // Adding 0.5 lines the last bit of a subnormal result up with the last bit of the sum.
  const float subnormal = std::bit_cast<float>(magnitude) + 0.5f;
  std::uint32_t half = magnitude < 0x38800000u
                           ? std::bit_cast<std::uint32_t>(subnormal) - 0x3f000000u
                           : normal >> 13;
  half = magnitude >= 0x477ff000u ? 0x7c00u : half;  // rounds to a value past the largest, 65504
  half = magnitude > 0x7f800000u ? 0x7e00u : half;   // NaN
  return {static_cast<std::uint16_t>(sign | half)};
}

template <>
constexpr e4m3 from_float<e4m3>(float x) {
  return to_e4m3(x);
}

template <>
constexpr e5m2 from_float<e5m2>(float x) {
  return to_e5m2(x);
}

// Calls f with a value of the C++ type that stores `dtype`.
template <class F>
decltype(auto) with_type(DType dtype, F&& f) {
  switch (dtype) {
    case DType::bf16:
      return f(bf16{});
    case DType::f16:
      return f(f16{});
    case DType::e4m3:
      return f(e4m3{});
    case DType::e5m2:
      return f(e5m2{});
    default:
      return f(float{});
  }
}

}  // namespace tile
