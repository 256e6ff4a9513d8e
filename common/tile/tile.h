// The vocabulary in which every kernel is written once; README.md beside this file is its manual.
//
// A kernel is a template over a `Block`, which owns the types of its tiles and barriers. The
// operations on them are found by argument-dependent look-up: the backend whose header is included
// first, such as tile/cpu/backend.h, has them.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numbers>

#include "tile/compiler.h"
#include "tile/hbm.h"
#include "tile/math.h"
#include "tile/roles.h"

namespace tile {

// Shared memory: the left operand of a product, whose rows are the rows of the result ...
template <class Block, int Rows, int Cols>
using LeftTile = typename Block::template LeftTile<Rows, Cols>;

// ... and the right operand, which lies as it does in HBM.
template <class Block, int Rows, int Cols>
using RightTile = typename Block::template RightTile<Rows, Cols>;

// Shared memory: either operand. The backward pass needs K as both; as the right one it may be in
// slices of columns, columns(K, i), for products that share the work.
template <class Block, int Rows, int Cols, int Slices = 1>
using SharedTile = typename Block::template SharedTile<Rows, Cols, Slices>;

// Shared memory, fp32: what was added up in registers, for another warpgroup.
template <class Block, int Rows, int Cols>
using SharedSums = typename Block::template SharedSums<Rows, Cols>;

// Registers, fp32: the result of a product.
template <class Block, int Rows, int Cols>
using Accumulator = typename Block::template Accumulator<Rows, Cols>;

// Registers: the left operand of a product, in the type in which a tensor core takes it. What was
// an accumulator becomes one by convert().
template <class Block, int Rows, int Cols>
using Operand = typename Block::template Operand<Rows, Cols>;

// Registers, fp32: one number for each row.
template <class Block, int Rows>
using RowVector = typename Block::template RowVector<Rows>;

// Registers, fp32: one number for each column.
template <class Block, int Cols>
using ColumnVector = typename Block::template ColumnVector<Cols>;

// The same in shared memory, for copies that others wait for.
template <class Block, int Cols>
using SharedVector = typename Block::template SharedVector<Cols>;

// Barriers between roles: bytes and arrivals by phases; arrivals of warpgroups.
template <class Block>
using Barrier = typename Block::Barrier;
template <class Block>
using NamedBarrier = typename Block::NamedBarrier;

}  // namespace tile
