// The CPU backend: what a stage's .cpp includes before its kernel, whose operations these are.
#pragma once

#include <type_traits>

#include "tile/cpu/async.h"
#include "tile/cpu/columns.h"
#include "tile/cpu/device.h"
#include "tile/cpu/dropout.h"
#include "tile/cpu/memory.h"
#include "tile/cpu/products.h"
#include "tile/cpu/reduction.h"
#include "tile/cpu/rows.h"
#include "tile/cpu/shared_tile.h"
#include "tile/cpu/turns.h"
#include "tile/tile.h"

namespace tile::cpu {

template <class Kernel, class Args>
void run_block(Block& block, const void* args) {
  Kernel::run(block, *static_cast<const Args*>(args));
}

// Runs Kernel::run(block, args) for each place of the grid.
template <class Kernel, class Args>
void launch(Device& device, std::string_view name, GridIndex grid, DType dtype, const Args& args) {
  static_assert(std::is_trivially_copyable_v<Args>, "arguments of a kernel are copied to a GPU");
  device.run(name, grid, dtype, {run_block<Kernel, Args>, &args});
}

// The same for each of `pieces` pieces of work, which blocks take one after another.
template <class Kernel, class Args>
void launch_persistent(Device& device, std::string_view name, std::int64_t pieces, DType dtype,
                       const Args& args) {
  static_assert(std::is_trivially_copyable_v<Args>, "arguments of a kernel are copied to a GPU");
  device.run_persistent(name, pieces, dtype, {run_block<Kernel, Args>, &args});
}

}  // namespace tile::cpu
