#include "tile/cpu/device.h"

namespace tile::cpu {

void Device::launch(std::string_view name, GridIndex grid, std::int64_t pieces, DType dtype,
                    const Kernel& kernel) {
  Run run;
  run.blocks = grid.x * grid.y * grid.z;
  run.pieces = pieces;
  const auto work = [&](int member) { run_blocks(cores_[member], run, name, grid, dtype, kernel); };
  if (run.blocks > 1 && !thread_pool_) thread_pool_.emplace(static_cast<int>(cores_.size()));
  if (run.blocks > 1)
    thread_pool_->run(work);
  else
    work(0);
  if (run.error) std::rethrow_exception(run.error);
  counters_ += run.counters;
  ++counters_.launches;
}

void Device::run_blocks(Core& core, Run& run, std::string_view name, GridIndex grid, DType dtype,
                        const Kernel& kernel) {
  try {
    Block block(core, gpu_, name, size_in_bytes(dtype), checked_, schedule_, [&run] {
      const std::int64_t piece = run.next_piece++;
      return piece < run.pieces ? piece : -1;
    });
    for (std::int64_t i; (i = run.next++) < run.blocks;) {
      block.begin({i % grid.x, i / grid.x % grid.y, i / grid.x / grid.y}, i);
      kernel(block);
    }
    const std::lock_guard lock(run.mutex);
    run.counters += block.counters();
  } catch (...) {
    run.next = run.blocks;  // no further block starts
    const std::lock_guard lock(run.mutex);
    if (!run.error) run.error = std::current_exception();
  }
}

}  // namespace tile::cpu
