// The GPU whose on-chip capacity a kernel has to respect, on every backend.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "tile/error.h"

namespace tile {

struct Gpu {
  std::string_view name;
  std::int64_t shared_bytes;    // shared memory that one block may use
  std::int64_t register_bytes;  // register file of the SM that the block runs on
};

// CUDA C++ Programming Guide, table "Technical Specifications per Compute Capability".
inline constexpr Gpu gpus[] = {
    {"a100", 163 * 1024, 256 * 1024},
    {"h100", 227 * 1024, 256 * 1024},
    {"h200", 227 * 1024, 256 * 1024},
};

inline const Gpu& find_gpu(std::string_view name) {
  for (const Gpu& gpu : gpus)
    if (gpu.name == name) return gpu;
  throw BadInput("gpu", "'" + std::string(name) + "' is not known", "a100, h100 or h200");
}

}  // namespace tile
