#include "tile/cpu/device.h"

#include <atomic>
#include <cstring>
#include <exception>
#include <map>
#include <mutex>
#include <optional>
#include <vector>

#include "tile/cpu/block.h"
#include "tile/cpu/thread_pool.h"

namespace tile::cpu {

struct Device::State {
  struct Allocation {
    std::int64_t bytes = 0;
    AlignedBuffer<std::byte> data;

    // What nobody wrote is found as on the chip, and not right by what the run before has left.
    void forget() {
      constexpr auto word = static_cast<std::int64_t>(sizeof unwritten);
      for (std::int64_t at = 0; at + word <= bytes; at += word)
        std::memcpy(data.get() + at, &unwritten, sizeof unwritten);
    }
  };

  std::map<TensorId, Allocation> workspace;
  std::vector<Core> cores;
  std::atomic<bool> failed = false;
  std::optional<ThreadPool> threads;  // from the first launch of several blocks on
};

struct Device::Launch {
  std::string_view name;
  GridIndex grid;
  std::int64_t pieces;
  DType dtype;
  const Kernel& kernel;
  std::atomic<std::int64_t> next = 0, next_piece = 0;
  std::mutex mutex = {};  // protects what follows
  Counters counters = {};
  std::exception_ptr error = {};

  std::int64_t blocks() const { return grid.x * grid.y * grid.z; }
};

Device::Device(const Gpu& gpu, int threads) : gpu_(gpu), state_(std::make_unique<State>()) {
  state_->cores.resize(std::max(threads, 1));
  for (Core& core : state_->cores) core.failed = &state_->failed;
}

Device::~Device() = default;

std::byte* Device::workspace(TensorId tensor, std::int64_t bytes) {
  counters_.hbm_workspace[tensor] += bytes;
  State::Allocation& held = state_->workspace[tensor];
  if (held.bytes < bytes) {
    held = {bytes, make_aligned<std::byte>(bytes)};
    held.forget();
  }
  return held.data.get();
}

void Device::forget_workspace() {
  for (auto& [tensor, held] : state_->workspace) held.forget();
}

void Device::upload(std::byte* to, const void* from, std::int64_t bytes) {
  if (bytes > 0) std::memcpy(to, from, bytes);
}

void Device::run(std::string_view name, GridIndex grid, DType dtype, const Kernel& kernel) {
  Launch one{name, grid, 0, dtype, kernel};
  launch(one);
}

void Device::run_persistent(std::string_view name, std::int64_t pieces, DType dtype,
                            const Kernel& kernel) {
  const std::int64_t cores = records_ ? 1 : std::ssize(state_->cores);
  const std::int64_t blocks = std::min(cores, pieces);
  Launch one{name, {blocks, 1, 1}, pieces, dtype, kernel};
  launch(one);
}

void Device::launch(Launch& launch) {
  state_->failed = false;
  const auto work = [&](int member) { run_blocks(member, launch); };
  const bool alone = launch.blocks() <= 1 || records_;
  for (Core& core : state_->cores) core.alone = alone || state_->cores.size() == 1;
  if (!alone && !state_->threads) state_->threads.emplace(static_cast<int>(state_->cores.size()));
  if (alone)
    work(0);
  else
    state_->threads->run(work);
  if (launch.error) std::rethrow_exception(launch.error);
  counters_ += launch.counters;
  ++counters_.launches;
}

void Device::run_blocks(int core, Launch& launch) {
  try {
    Block block(state_->cores[core], gpu_, launch.name, launch.dtype, checked_, schedule_,
                [this, &launch] {
                  const std::int64_t piece = launch.next_piece++;
                  if (records_ && !work_.empty())
                    return piece < std::ssize(work_) ? work_[piece] : -1;
                  return piece < launch.pieces ? piece : -1;
                });
    const GridIndex grid = launch.grid;
    for (std::int64_t i; (i = launch.next++) < launch.blocks();) {
      BlockRecord* const record = records_ ? &records_->emplace_back() : nullptr;
      block.begin({i % grid.x, i / grid.x % grid.y, i / grid.x / grid.y}, i, record);
      launch.kernel.run(block, launch.kernel.args);
    }
    const std::lock_guard lock(launch.mutex);
    launch.counters += block.counters();
  } catch (...) {
    launch.next = launch.blocks();  // no further block starts
    state_->failed = true;
    const std::lock_guard lock(launch.mutex);
    if (!launch.error) launch.error = std::current_exception();
  }
}

}  // namespace tile::cpu
