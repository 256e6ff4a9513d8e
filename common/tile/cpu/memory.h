// load and store: the only ways between HBM and the chip, and where traffic is counted.
#pragma once

#include <algorithm>
#include <string>
#include <utility>

#include "tile/cpu/right_tile.h"

namespace tile::cpu {

enum class Transfer : std::uint8_t {
  load,
  load_async,
  load_scalar,
  store,
  store_scalar,
  atomic_add,
  atomic_add_async
};

constexpr std::string_view name(Transfer transfer) {
  constexpr std::string_view names[] = {"load",         "load_async", "load_scalar", "store",
                                        "store_scalar", "atomic_add", "atomic_add"};
  return names[static_cast<int>(transfer)];
}

// A transfer has to begin inside the tensor; its tail may reach past the end. A load may also begin
// just there, which reads nothing: a sequence can be empty. An asynchronous one may begin further
// on, as TMA allows.
void require_inside(const Block& block, Transfer transfer, std::string_view tile, TensorId tensor,
                    std::string_view axis, std::int64_t first, std::int64_t size);

// Fails for the view of a head, a sequence or a split that the tensor does not have.
void require_inside(const Block& block, Transfer transfer, std::string_view tile, TensorId tensor,
                    const OutOfRange& outside);

// The record of a transfer.
Op bytes_of(Transfer transfer, TensorId tensor, std::int64_t bytes, const HbmPlace& place);

// The part of `hbm` that `rows` and `cols` from (row, col) on cover. Counts the entries of the
// block table that it looks up; in checked mode, fails if one of them names a page that the cache
// does not have.
Overlap cover(Block& block, Transfer transfer, std::string_view tile, const HbmMatrix& hbm,
              std::int64_t row, std::int64_t col, int rows, int cols);

inline Op bytes_of(Transfer transfer, const HbmMatrix& hbm, const Overlap& part) {
  return bytes_of(transfer, hbm.tensor,
                  std::int64_t{part.rows} * part.cols * size_in_bytes(hbm.dtype),
                  {hbm.data, part.row, part.col, part.rows});
}

// Fills the tile with this part of the tensor, and with zeros past it.
template <class Tile>
void move_in(Tile& tile, const HbmMatrix& hbm, const Overlap& part) {
  if constexpr (ColumnTiled<Tile>) {
    read_columns(tile.data, Tile::rows, Tile::cols, hbm, part);
    tile.used_cols = part.cols;
  } else {
    tile.become(hbm, part);
  }
  if constexpr (is<Tile, Operand>)
    round_to(tile.data, tile.block->operand_type(), tile.data, 1, Tile::rows * Tile::cols);
}

// Loads the tile whose first element is (row, col); what lies past the end of the tensor is zero.
// An Operand is rounded to the type of operands.
template <class Tile>
void load(Tile& tile, const HbmMatrix& hbm, std::int64_t row, std::int64_t col = 0) {
  if constexpr (require_that_tiles_fit<is_matrix<Tile>,
                                       "load: the tile is " + shape_of<Tile> +
                                           ", which has no room for the rows of a matrix">()) {
    Block& block = *tile.block;
    const Overlap part =
        cover(block, Transfer::load, tile.name, hbm, row, col, Tile::rows, Tile::cols);
    begin(block, bytes_of(Transfer::load, hbm, part), reads(), overwrites(tile));
    move_in(tile, hbm, part);
  }
}

// Stores the tile to (row, col); the part of it that lies past the end of the tensor is dropped.
template <class Tile>
void store(const HbmMatrix& hbm, std::int64_t row, std::int64_t col, const Tile& tile) {
  if constexpr (require_that_tiles_fit<ColumnTiled<Tile>,
                                       "store: the tile is " + shape_of<Tile> +
                                           ", expected an Accumulator or a LeftTile">()) {
    Block& block = *tile.block;
    const Overlap part =
        cover(block, Transfer::store, tile.name, hbm, row, col, Tile::rows, Tile::cols);
    begin(block, bytes_of(Transfer::store, hbm, part), reads(tile), writes());
    write_columns(hbm, part, tile.data, Tile::rows, Tile::cols);
  }
}

template <class Tile>
void store(const HbmMatrix& hbm, std::int64_t row, const Tile& tile) {
  store(hbm, row, 0, tile);
}

// Stores the tile's transpose to (row, col), as FP8 tensor cores need V: they take operands whose
// terms of the sum are adjacent, and no others.
template <class Tile>
void store_transposed(const HbmMatrix& hbm, std::int64_t row, std::int64_t col, const Tile& tile) {
  if constexpr (require_that_tiles_fit<ColumnTiled<Tile>,
                                       "store_transposed: the tile is " + shape_of<Tile> +
                                           ", expected an Accumulator or a LeftTile">()) {
    Block& block = *tile.block;
    const Overlap part =
        cover(block, Transfer::store, tile.name, hbm, row, col, Tile::cols, Tile::rows);
    begin(block, bytes_of(Transfer::store, hbm, part), reads(tile), writes());
    write_transposed(hbm, part, tile.data, Tile::rows, Tile::cols);
  }
}

// The record of a transfer of row statistics, and how many rows there are.
template <class Vector>
std::pair<Op, std::int64_t> rows_of(Transfer transfer, const Vector& tile, const HbmVector& hbm,
                                    std::int64_t row) {
  Block& block = *tile.block;
  require_inside(block, transfer, tile.name, hbm.tensor, hbm.outside);
  require_inside(block, transfer, tile.name, hbm.tensor, "row", row, hbm.rows);
  const std::int64_t valid = std::clamp<std::int64_t>(hbm.rows - row, 0, Vector::floats);
  return {bytes_of(transfer, hbm.tensor, valid * 4, {hbm.data, row, 0, static_cast<int>(valid)}),
          valid};
}

// Counts it; returns how many rows there are.
template <class Vector>
std::int64_t begin_rows(Transfer transfer, const Vector& tile, const HbmVector& hbm,
                        std::int64_t row) {
  const auto [op, valid] = rows_of(transfer, tile, hbm, row);
  if (transfer == Transfer::store)
    begin(*tile.block, op, reads(tile), writes());
  else
    begin(*tile.block, op, reads(), overwrites(tile));
  return valid;
}

// Fills the tile with `valid` numbers from `row` on, and with zeros past them.
template <class Vector>
void move_in(Vector& tile, const HbmVector& hbm, std::int64_t row, std::int64_t valid) {
  for (int i = 0; i < Vector::floats; ++i) tile.data[i] = i < valid ? hbm[row + i] : 0;
}

// Row statistics; the rows past the end of the vector are zero, and dropped.
template <class Tile>
void load(Tile& tile, const HbmVector& hbm, std::int64_t row) {
  if constexpr (require_that_tiles_fit<is_rows_of<Tile, Tile>, "load: the tile is " +
                                                                   shape_of<Tile> +
                                                                   ", expected a RowVector">()) {
    move_in(tile, hbm, row, begin_rows(Transfer::load, tile, hbm, row));
  }
}

template <class Tile>
void store(const HbmVector& hbm, std::int64_t row, const Tile& tile) {
  if constexpr (require_that_tiles_fit<is_rows_of<Tile, Tile>, "store: the tile is " +
                                                                   shape_of<Tile> +
                                                                   ", expected a RowVector">()) {
    const std::int64_t valid = begin_rows(Transfer::store, tile, hbm, row);
    for (int r = 0; r < valid; ++r) hbm[row + r] = tile.data[r];
  }
}

// Element i of a vector in HBM, for every thread of the caller.
inline float load_scalar(Block& block, const HbmVector& hbm, std::int64_t i) {
  require_inside(block, Transfer::load_scalar, "scalar", hbm.tensor, hbm.outside);
  require_inside(block, Transfer::load_scalar, "scalar", hbm.tensor, "row", i, hbm.rows);
  block.count(bytes_of(Transfer::load_scalar, hbm.tensor, 4, {hbm.data, i, 0, 1}));
  return hbm[i];
}

template <class T>
T load_scalar(Block& block, const HbmArray<T>& hbm, std::int64_t i) {
  require_inside(block, Transfer::load_scalar, "scalar", hbm.tensor, "row", i, hbm.rows);
  block.count(bytes_of(Transfer::load_scalar, hbm.tensor, sizeof(T), {hbm.data, i, 0, 1}));
  return hbm.data[i];
}

inline void store_scalar(Block& block, const HbmVector& hbm, std::int64_t i, float x) {
  require_inside(block, Transfer::store_scalar, "scalar", hbm.tensor, hbm.outside);
  require_inside(block, Transfer::store_scalar, "scalar", hbm.tensor, "row", i, hbm.rows);
  block.count(bytes_of(Transfer::store_scalar, hbm.tensor, 4, {hbm.data, i, 0, 1}));
  hbm[i] = x;
}

}  // namespace tile::cpu
