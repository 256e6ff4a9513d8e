// The vocabulary in which every kernel is written once; README.md beside this file is its manual.
#pragma once

#include <numbers>

#include "tile/cpu/async.h"
#include "tile/cpu/device.h"
#include "tile/cpu/memory.h"
#include "tile/cpu/products.h"
#include "tile/cpu/quantise.h"
#include "tile/cpu/rotate.h"
#include "tile/cpu/rows.h"
#include "tile/cpu/stored.h"
#include "tile/cpu/transposed.h"

#define TILE_KERNEL inline

namespace tile {

// Barriers between roles: bytes and arrivals by phases; arrivals of warpgroups.
template <class Block>
using Barrier = cpu::Barrier;
template <class Block>
using NamedBarrier = cpu::NamedBarrier;

// Tiles in turn, with a full and an empty barrier each.
template <class Tile, int Stages>
using Ring = cpu::Ring<Tile, Stages>;

using cpu::role;
using cpu::set_registers;

using Device = cpu::Device;
using GridIndex = cpu::GridIndex;

// Shared memory: the left operand of a product, whose rows are the rows of the result ...
template <class Block, int Rows, int Cols>
using LeftTile = cpu::Tile<Rows, Cols, cpu::Order::columns, cpu::Space::shared>;

// ... and the right operand, which lies as it does in HBM.
template <class Block, int Rows, int Cols>
using RightTile = cpu::Tile<Rows, Cols, cpu::Order::rows, cpu::Space::shared>;

// Shared memory: a right operand in the type of its tensor, which may lie in pages.
template <class Block, int Rows, int Cols>
using StoredTile = cpu::StoredTile<Rows, Cols>;

// Registers: the result of a product, and the left operand of the next.
template <class Block, int Rows, int Cols>
using Accumulator = cpu::Tile<Rows, Cols, cpu::Order::columns, cpu::Space::registers>;

// Registers: one number for each row.
template <class Block, int Rows>
using RowVector = cpu::Tile<Rows, 1, cpu::Order::columns, cpu::Space::registers>;

constexpr std::int64_t ceil_div(std::int64_t a, std::int64_t b) {
  return (a + b - 1) / b;
}

}  // namespace tile
