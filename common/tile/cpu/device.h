// The CPU as a device: runs a grid of blocks on all cores and adds up what they did.
#pragma once

#include <atomic>
#include <cstddef>
#include <exception>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string_view>
#include <thread>
#include <vector>

#include "tile/cpu/block.h"
#include "tile/cpu/thread_pool.h"
#include "tile/dtype.h"

namespace tile::cpu {

class Device {
 public:
  explicit Device(const Gpu& gpu = find_gpu("h100"),
                  int threads = static_cast<int>(std::thread::hardware_concurrency()))
      : gpu_(gpu), cores_(std::max(threads, 1)) {}

  // Reports reads of on-chip memory that nothing wrote, at the price of scanning every operand.
  void set_checked(bool checked) { checked_ = checked; }

  // The order in which a block's roles run and its copies arrive, in checked mode: 0 is the natural
  // one, every other number another one, the same each time.
  void set_schedule(std::uint64_t schedule) { schedule_ = schedule; }

  const Counters& counters() const { return counters_; }
  void reset_counters() { counters_ = {}; }

  // HBM for a tensor that is neither input nor output. The same memory comes back for the same
  // tensor, with what was written to it before.
  std::byte* workspace(Tensor tensor, std::int64_t bytes) {
    counters_.hbm_workspace[tensor] += bytes;
    Allocation& held = workspace_[tensor];
    if (held.bytes < bytes) held = {bytes, make_aligned<std::byte>(bytes)};
    return held.data.get();
  }

  using Kernel = std::function<void(Block&)>;

  // Runs `kernel(block)` for each place of the grid. Which thread runs a block, and when, is not
  // determined; blocks write to different parts of HBM, so the result is.
  void launch(std::string_view name, GridIndex grid, DType dtype, const Kernel& kernel) {
    launch(name, grid, 0, dtype, kernel);
  }

  // A persistent kernel: one block a core, each of which takes pieces of work 0 to `pieces` - 1
  // until none is left.
  void launch_persistent(std::string_view name, std::int64_t pieces, DType dtype,
                         const Kernel& kernel) {
    launch(name, {std::min<std::int64_t>(std::ssize(cores_), pieces), 1, 1}, pieces, dtype, kernel);
  }

 private:
  struct Allocation {
    std::int64_t bytes = 0;
    AlignedBuffer<std::byte> data;
  };

  struct Run {
    std::int64_t blocks = 0, pieces = 0;
    std::atomic<std::int64_t> next = 0, next_piece = 0;
    std::mutex mutex;  // protects what follows
    Counters counters;
    std::exception_ptr error;
  };

  void launch(std::string_view name, GridIndex grid, std::int64_t pieces, DType dtype,
              const Kernel& kernel);
  void run_blocks(Core& core, Run& run, std::string_view name, GridIndex grid, DType dtype,
                  const Kernel& kernel);

  const Gpu& gpu_;
  bool checked_ = false;
  std::uint64_t schedule_ = 0;
  Counters counters_;
  std::map<Tensor, Allocation> workspace_;
  std::vector<Core> cores_;
  std::optional<ThreadPool>
      thread_pool_;  // from the first launch of several blocks on; joined first of all
};

}  // namespace tile::cpu
