// The CPU as a device: runs a grid of blocks on all cores and adds up what they did.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "tile/device.h"
#include "tile/dtype.h"
#include "tile/gpu.h"
#include "tile/record.h"

namespace tile::cpu {

class Block;

class Device final : public tile::Device {
 public:
  explicit Device(const Gpu& gpu = find_gpu("h100"),
                  int threads = static_cast<int>(std::thread::hardware_concurrency()));
  ~Device() override;

  // Reports reads of on-chip memory or workspace that nothing wrote, and accesses that no barrier
  // orders, at the price of scanning every operand.
  void set_checked(bool checked) { checked_ = checked; }

  // The order in which a block's roles run and its copies arrive, in checked mode: 0 is the natural
  // one, every other number another one, the same each time.
  void set_schedule(std::uint64_t schedule) { schedule_ = schedule; }

  // What every block does from here on is appended to `records`, and blocks run one after another;
  // a persistent kernel's on one core. Null: no more.
  void set_records(std::vector<BlockRecord>* records) { records_ = records; }

  // While recording, the pieces that a persistent kernel works on, in order, in place of all.
  void set_work(std::vector<std::int64_t> pieces) { work_ = std::move(pieces); }

  // Unwritten, where it is new or grows: NaN, which checked mode reports where it is read.
  std::byte* workspace(TensorId tensor, std::int64_t bytes) override;

  // All workspace is unwritten again: what a kernel then finds there, it has written.
  void forget_workspace();

  void upload(std::byte* to, const void* from, std::int64_t bytes) override;

  // A kernel's code for one block, and what it is given.
  struct Kernel {
    void (*run)(Block& block, const void* args);
    const void* args;
  };

  // Runs the kernel for each place of the grid.
  void run(std::string_view name, GridIndex grid, DType dtype, const Kernel& kernel);

  // A persistent kernel: one block a core, each of which takes pieces of work 0 to `pieces` - 1
  // until none is left.
  void run_persistent(std::string_view name, std::int64_t pieces, DType dtype,
                      const Kernel& kernel);

 private:
  struct State;  // cores, their threads, and the workspace
  struct Launch;

  void launch(Launch& launch);
  void run_blocks(int core, Launch& launch);

  const Gpu& gpu_;
  bool checked_ = false;
  std::uint64_t schedule_ = 0;
  std::vector<BlockRecord>* records_ = nullptr;
  std::vector<std::int64_t> work_;
  std::unique_ptr<State> state_;
};

}  // namespace tile::cpu
