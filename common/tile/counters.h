// What a kernel did: bytes moved between HBM and the chip by tensor, and the work done on chip.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

namespace tile {

// A tensor in HBM, as its user numbers and names it (attention/tensor.h).
struct TensorId {
  std::uint8_t index;
  std::string_view name;

  constexpr bool operator==(const TensorId& other) const { return index == other.index; }
  constexpr bool operator<(const TensorId& other) const { return index < other.index; }
};

inline constexpr int max_tensors = 32;

// One number for each tensor.
struct PerTensor {
  std::array<std::int64_t, max_tensors> values{};

  std::int64_t& operator[](TensorId tensor) { return values[tensor.index]; }
  std::int64_t operator[](TensorId tensor) const { return values[tensor.index]; }
  std::int64_t total() const {
    std::int64_t sum = 0;
    for (const std::int64_t value : values) sum += value;
    return sum;
  }
  PerTensor& operator+=(const PerTensor& other) {
    for (int i = 0; i < max_tensors; ++i) values[i] += other.values[i];
    return *this;
  }
  bool operator==(const PerTensor&) const = default;
};

struct Counters {
  PerTensor hbm_read;             // bytes
  PerTensor hbm_write;            // bytes
  PerTensor hbm_workspace;        // bytes allocated beside inputs and outputs
  std::int64_t on_chip_peak = 0;  // bytes of shared memory and registers, the largest of all blocks
  std::int64_t flops = 0;         // of products and rotations, padding and masked scores included
  std::int64_t exponentials = 0;  // padding and masked scores included
  std::int64_t launches = 0;

  // All that is moved, in both directions.
  std::int64_t hbm_bytes() const { return hbm_read.total() + hbm_write.total(); }

  bool operator==(const Counters&) const = default;

  Counters& operator+=(const Counters& other) {
    hbm_read += other.hbm_read;
    hbm_write += other.hbm_write;
    hbm_workspace += other.hbm_workspace;
    on_chip_peak = std::max(on_chip_peak, other.on_chip_peak);
    flops += other.flops;
    exponentials += other.exponentials;
    launches += other.launches;
    return *this;
  }
};

}  // namespace tile
