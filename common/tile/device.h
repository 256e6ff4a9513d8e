// A device that runs kernels: a CPU, or a GPU.
//
// launch<Kernel>(device, name, grid, dtype, args) runs Kernel::run(block, args) for each place of
// the grid; a backend's header (tile/cpu/backend.h) has it. `dtype` is that of the elements in
// shared memory. Which block runs when is not determined; blocks write to different parts of HBM,
// so the result is.
#pragma once

#include <cstddef>
#include <cstdint>

#include "tile/counters.h"

namespace tile {

struct GridIndex {
  std::int64_t x, y, z;
};

class Device {
 public:
  virtual ~Device() = default;

  // HBM for a tensor that is neither input nor output. The same memory comes back for the same
  // tensor, with what was written to it before, unless it has to grow.
  virtual std::byte* workspace(TensorId tensor, std::int64_t bytes) = 0;

  // Copies what the host has to HBM.
  virtual void upload(std::byte* to, const void* from, std::int64_t bytes) = 0;

  const Counters& counters() const { return counters_; }
  void reset_counters() { counters_ = {}; }

 protected:
  Counters counters_;
};

}  // namespace tile
