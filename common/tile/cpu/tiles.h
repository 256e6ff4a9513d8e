// The tiles of the CPU backend, and what every operation does before it touches them.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <span>
#include <string_view>

#include "tile/cpu/block.h"
#include "tile/cpu/simd/convert.h"
#include "tile/cpu/simd/simd.h"
#include "tile/hbm.h"
#include "tile/op.h"
#include "tile/shapes.h"

namespace tile::cpu {

// What the products and row operations are compiled for.
template <int Rows, int Cols>
constexpr bool is_tile_shape() {
  const bool power_of_two = (Rows & (Rows - 1)) == 0;
  return power_of_two && Rows >= 8 && Rows <= 128 && (Cols == 1 || (Cols % 32 == 0 && Cols <= 256));
}

// A tile in column order, a panel of rows after the other: the rows of a column fill the SIMD
// lanes. It is fp32 in the CPU's memory whatever it is on a GPU, and lives until its block ends.
template <int Rows, int Cols>
struct ColumnTile {
  static_assert(is_tile_shape<Rows, Cols>(),
                "a tile has 8 to 128 rows, a power of two, and 32, 64 ... 256 columns");
  static constexpr int rows = Rows, cols = Cols, floats = Rows * Cols;
  static constexpr bool in_columns = true;

  ColumnTile(Block& owner, std::string_view label, Space space, int element_bytes)
      : block(&owner),
        name(label),
        data(owner.allocate(label, space, Rows * Cols, element_bytes, floats)) {}
  ColumnTile(const ColumnTile&) = delete;
  ColumnTile& operator=(const ColumnTile&) = delete;

  float element(int row, int col) const { return data[index_in_tile(Rows, Cols, row, col)]; }
  const float* on_chip() const { return data; }

  Block* block;
  std::string_view name;
  float* data;
  // What the last operation on the tile knows of it, for the next: the columns from `used_cols` on
  // are zero, as where a head dimension was padded; and the sum of each row, if it took it along.
  mutable int used_cols = Cols;
  mutable bool has_row_sums = false;
  alignas(64) float row_sums[Rows];
};

template <int Rows, int Cols>
struct LeftTile : ColumnTile<Rows, Cols> {
  static constexpr Text kind = "LeftTile";
  LeftTile(Block& owner, std::string_view label)
      : ColumnTile<Rows, Cols>(owner, label, Space::shared, owner.element_bytes()) {}
};

template <int Rows, int Cols>
struct Accumulator : ColumnTile<Rows, Cols> {
  static constexpr Text kind = "Accumulator";
  Accumulator(Block& owner, std::string_view label)
      : ColumnTile<Rows, Cols>(owner, label, Space::registers, 4) {}
};

template <int Rows, int Cols>
struct Operand : ColumnTile<Rows, Cols> {
  static constexpr Text kind = "Operand";
  Operand(Block& owner, std::string_view label)
      : ColumnTile<Rows, Cols>(owner, label, Space::registers,
                               size_in_bytes(owner.operand_type())) {}
};

template <int Rows>
struct RowVector : ColumnTile<Rows, 1> {
  static constexpr Text kind = "RowVector";
  RowVector(Block& owner, std::string_view label)
      : ColumnTile<Rows, 1>(owner, label, Space::registers, 4) {}
};

// A tile in row order: a copy of what HBM has, for broadcasting. `load` only notes where it lies.
// Rows that are fp32 are read in HBM by the products, and so are others by products of few rows,
// which convert as they go; the first product that needs fp32 rows has them in `storage`. All of it
// counts as the same traffic. A kernel must not write what it has loaded while it still uses the
// tile: a GPU's tile keeps the old values, this one may not.
template <int Rows, int Cols>
struct RightTile {
  static constexpr Text kind = "RightTile";
  static_assert(Rows % 32 == 0 && Rows <= 256 && Cols % 32 == 0 && Cols <= 256,
                "a right tile has 32, 64 ... 256 rows and columns");
  static constexpr int rows = Rows, cols = Cols, row_stride = copied_row_stride(Cols);
  static constexpr int floats = Rows * row_stride;
  static constexpr bool in_columns = false;

  RightTile(Block& owner, std::string_view label)
      : block(&owner),
        name(label),
        storage(owner.allocate(label, Space::shared, Rows * Cols, owner.element_bytes(), floats)) {}
  RightTile(const RightTile&) = delete;
  RightTile& operator=(const RightTile&) = delete;

  const float* on_chip() const { return storage; }

  // The tile is this part of a tensor from now on, zeros past its end.
  void become(const HbmMatrix& matrix, const Overlap& covered) {
    hbm = matrix;
    part = covered;
    fp32 = {};
    if (block->checked()) convert();  // for the search for what nothing wrote
  }

  // Whether every row lies in HBM as it should be on chip, and may be read there.
  bool is_whole() const { return part.rows == Rows && part.cols == Cols; }

  // For a product that reads `together` rows side by side, `times` times.
  Fp32Rows fp32_rows(int together, int times) const {
    if (!fp32.data && is_whole() && hbm.dtype == DType::f32 &&
        part.row % hbm.page_rows + Rows <= hbm.page_rows &&
        !(times > 2 && rows_collide(together, hbm.row_stride)))
      fp32 = {reinterpret_cast<const float*>(hbm.at(part.row, part.col)), hbm.row_stride};
    if (!fp32.data) convert();
    return fp32;
  }

  void convert() const {
    read_rows(storage, row_stride, Cols, hbm, part, Rows);
    fp32 = {storage, row_stride};
  }

  // The tile that lies behind this one in HBM, most likely loaded next: there if it is whole.
  NextTile next() const {
    const std::int64_t first = part.row + Rows;
    if (first + Rows > hbm.rows) return {};
    const auto bytes = size_in_bytes(hbm.dtype);
    return {hbm.at(first, part.col), hbm.row_stride * bytes, Rows, part.cols * bytes};
  }

  Block* block;
  std::string_view name;
  float* storage;
  HbmMatrix hbm = {};
  Overlap part = {};
  mutable Fp32Rows fp32 = {};  // none yet: null
};

template <class T>
concept ColumnTiled = requires {
  requires T::in_columns;
};

// Whether T is a row vector for the rows of `Of`.
template <class T, class Of>
inline constexpr bool is_rows_of = [] {
  if constexpr (ColumnTiled<T> && ColumnTiled<Of>)
    return T::cols == 1 && T::rows == Of::rows;
  else
    return false;
}();

// Whether T is a tile, and no row vector.
template <class T>
inline constexpr bool is_matrix = [] {
  if constexpr (requires { T::kind; })
    return T::cols > 1;
  else
    return false;
}();

template <class T, template <int, int> class Kind>
inline constexpr bool is = false;
template <int Rows, int Cols, template <int, int> class Kind>
inline constexpr bool is<Kind<Rows, Cols>, Kind> = true;

// What a copy or a product in flight will write.
template <class Tile>
void poison(const Tile& tile) {
  std::fill_n(const_cast<float*>(tile.on_chip()), Tile::floats, std::bit_cast<float>(unwritten));
}

// A tile as an operation's checks see it.
struct Access {
  std::string_view name;
  const float* data;  // on chip
  int rows, cols;
  bool in_columns;
};

template <class... Tiles>
std::array<Access, sizeof...(Tiles)> reads(const Tiles&... tiles) {
  return {Access{tiles.name, tiles.on_chip(), Tiles::rows, Tiles::cols, Tiles::in_columns}...};
}
template <class... Tiles>
std::array<Access, sizeof...(Tiles)> writes(const Tiles&... tiles) {
  [[maybe_unused]] const auto change = [](const auto& tile) {
    if constexpr (requires { tile.has_row_sums; }) {
      tile.has_row_sums = false;
      tile.used_cols = tile.cols;
    }
  };
  (change(tiles), ...);
  return reads(tiles...);
}

// Checked mode: fails if `operation` is about to read an element that nothing wrote, or if a
// barrier or a wait is missing before one of its accesses.
void check_accesses(Block& block, std::string_view operation, std::span<const Access> read,
                    std::span<const Access> written);

// Every operation begins with this: its record, the tiles that it reads, and those that it writes
// or changes.
inline void begin(Block& block, const Op& op, std::span<const Access> read,
                  std::span<const Access> written) {
  block.count(op, !block.recording() ? ""
                  : !written.empty() ? written.front().name
                  : !read.empty()    ? read.front().name
                                     : "");
  if (block.checked()) check_accesses(block, op.name, read, written);
}

}  // namespace tile::cpu
