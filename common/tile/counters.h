// What a kernel did: bytes moved between HBM and the chip by tensor, and the work done on chip.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

namespace tile {

// The tensors of attention, by the papers' symbols. `O_acc` is the fp32 accumulator that
// FlashAttention-1's loop order keeps in HBM; it is O itself where O is fp32. `Q8`, `K8`, `V8` and
// `scales` are what FP8 attention quantises to; `O_split` and `LSE_split` the partial results of
// Flash-Decoding, and `pages` the block table of its KV cache.
enum class Tensor : std::uint8_t {
  Q,
  K,
  V,
  S,
  P,
  m,
  l,
  O_acc,
  Q8,
  K8,
  V8,
  scales,
  O_split,
  LSE_split,
  pages,
  O,
  LSE,
  count
};

inline constexpr int tensor_count = static_cast<int>(Tensor::count);

constexpr std::string_view name(Tensor tensor) {
  constexpr std::string_view names[] = {"Q",       "K",         "V",     "S",  "P",  "m",
                                        "l",       "O_acc",     "Q8",    "K8", "V8", "scales",
                                        "O_split", "LSE_split", "pages", "O",  "LSE"};
  return names[static_cast<int>(tensor)];
}

// One number for each tensor.
struct PerTensor {
  std::array<std::int64_t, tensor_count> values{};

  std::int64_t& operator[](Tensor tensor) { return values[static_cast<int>(tensor)]; }
  std::int64_t operator[](Tensor tensor) const { return values[static_cast<int>(tensor)]; }
  std::int64_t total() const {
    std::int64_t sum = 0;
    for (const std::int64_t value : values) sum += value;
    return sum;
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

  bool operator==(const Counters&) const = default;

  Counters& operator+=(const Counters& other) {
    for (int i = 0; i < tensor_count; ++i) {
      hbm_read.values[i] += other.hbm_read.values[i];
      hbm_write.values[i] += other.hbm_write.values[i];
      hbm_workspace.values[i] += other.hbm_workspace.values[i];
    }
    on_chip_peak = std::max(on_chip_peak, other.on_chip_peak);
    flops += other.flops;
    exponentials += other.exponentials;
    launches += other.launches;
    return *this;
  }
};

}  // namespace tile
