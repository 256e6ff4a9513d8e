// The tiles of the CPU backend, and what every operation does before it touches them.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <span>
#include <string_view>

#include "tile/cpu/block.h"
#include "tile/cpu/simd/convert.h"
#include "tile/cpu/simd/pairs.h"
#include "tile/cpu/simd/row_operations.h"
#include "tile/cpu/simd/simd.h"
#include "tile/hbm.h"
#include "tile/op.h"
#include "tile/shapes.h"

namespace tile::cpu {

// What the products and row operations are compiled for.
template <int Rows, int Cols>
constexpr bool is_tile_shape() {
  const bool power_of_two = (Rows & (Rows - 1)) == 0;
  return power_of_two && Rows >= 8 && Rows <= 128 && (Cols == 1 || (Cols % 16 == 0 && Cols <= 256));
}

// A tile in column order, a panel of rows after the other: the rows of a column fill the SIMD
// lanes. It is fp32 in the CPU's memory whatever it is on a GPU, but for operands that a product
// takes in pairs of bf16 numbers, until something else reads them. It lives until its block ends.
template <int Rows, int Cols>
struct ColumnTile {
  static_assert(is_tile_shape<Rows, Cols>(),
                "a tile has 8 to 128 rows, a power of two, and 16, 32 ... 256 columns");
  static constexpr int rows = Rows, cols = Cols, floats = Rows * Cols;
  static constexpr bool in_columns = true;

  ColumnTile(Block& owner, std::string_view label, Space space, int element_bytes,
             int spare_floats = 0)
      : block(&owner),
        name(label),
        data(owner.allocate(label, space, Rows * Cols, element_bytes, floats + spare_floats)) {}
  ColumnTile(const ColumnTile&) = delete;
  ColumnTile& operator=(const ColumnTile&) = delete;

  float element(int row, int col) const {
    to_fp32();
    return data[index_in_tile(Rows, Cols, row, col)];
  }
  const float* on_chip() const { return data; }

  // The elements as a product takes them; false if they are not bf16 numbers.
  bool to_pairs() const {
    if (!in_pairs) in_pairs = cpu::to_pairs(data, Rows, Cols);
    return last_product_took_pairs = in_pairs;
  }
  // And as everything else does.
  void to_fp32() const {
    if (in_pairs) from_pairs(data, Rows, Cols);
    if (exponentials.only_in_pairs)
      exp2_of_difference(data, Rows, Cols, exponentials.row, exponentials.factor, row_sums);
    in_pairs = exponentials.only_in_pairs = false;
  }

  // Becomes 2^((tile - row) factor), as pairs; with the row sums.
  bool make_exponentials_in_pairs(const float* row, float factor) {
    exponentials.only_in_pairs = true;
    exponentials.factor = factor;
    std::copy_n(row, Rows, exponentials.row);
    exp2_of_difference_in_pairs(exponentials.pairs, data, Rows, Cols, row, factor, row_sums);
    return true;
  }

  Block* block;
  std::string_view name;
  float* data;
  // What the last operation on the tile knows of it, for the next: the columns from `used_cols` on
  // are zero, as where a head dimension was padded; and the sum of each row, if it took it along.
  mutable int used_cols = Cols;
  mutable bool has_row_sums = false;
  // Whether `data` has pairs of bf16 numbers now, and whether the next operand should.
  mutable bool in_pairs = false, last_product_took_pairs = false;
  // The tile is 2^((data - row) factor), of which only the pairs were made, for `convert` to take.
  // Storing it too, and reading it there, would cost 5 % of the whole kernel on Zen 4.
  struct Exponentials {
    float* pairs = nullptr;
    bool wanted = false, only_in_pairs = false;
    float factor = 0;
    alignas(64) float row[Rows];
  };
  mutable Exponentials exponentials;
  alignas(64) mutable float row_sums[Rows];
};

template <int Rows, int Cols>
struct LeftTile : ColumnTile<Rows, Cols> {
  static constexpr Text kind = "LeftTile";
  LeftTile(Block& owner, std::string_view label) : LeftTile(owner, label, owner.element_bytes()) {}
  LeftTile(Block& owner, std::string_view label, int element_bytes)
      : ColumnTile<Rows, Cols>(owner, label, Space::shared, element_bytes) {}
};

template <int Rows, int Cols>
struct Accumulator : ColumnTile<Rows, Cols> {
  static constexpr Text kind = "Accumulator";
  Accumulator(Block& owner, std::string_view label)
      : ColumnTile<Rows, Cols>(owner, label, Space::registers, 4, spare_floats(owner)) {
    this->exponentials.pairs = this->data + Rows * Cols;
  }

  // The rows of HBM behind those to which the tile was added last, most likely the next: the
  // product before fetches them. 8 % of the backward pass.
  mutable NextTile next_sums = {};

  // A GPU's 4 bytes of an element are room for 4 floats here.
  static int spare_floats(const Block& owner) {
    const bool rounds_to_bf16 = owner.operand_type() == DType::bf16;
    return !owner.checked() && rounds_to_bf16 && takes_pairs(DType::bf16, DType::bf16) ? Rows * Cols
                                                                                       : 0;
  }
};

// On their way to HBM.
template <int Rows, int Cols>
struct SharedSums : ColumnTile<Rows, Cols> {
  static constexpr Text kind = "SharedSums";
  SharedSums(Block& owner, std::string_view label)
      : ColumnTile<Rows, Cols>(owner, label, Space::shared, 4) {}
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
    return T::rows > 1 && T::cols > 1;
  else
    return false;
}();

template <class T, template <int, int> class Kind>
inline constexpr bool is = false;
template <int Rows, int Cols, template <int, int> class Kind>
inline constexpr bool is<Kind<Rows, Cols>, Kind> = true;

template <class A>
inline constexpr bool is_left = is<A, LeftTile> || is<A, Operand>;

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
std::array<Access, sizeof...(Tiles)> reads_as_they_are(const Tiles&... tiles) {
  return {Access{tiles.name, tiles.on_chip(), Tiles::rows, Tiles::cols, Tiles::in_columns}...};
}
template <class... Tiles>
std::array<Access, sizeof...(Tiles)> reads(const Tiles&... tiles) {
  [[maybe_unused]] const auto prepare = [](const auto& tile) {
    if constexpr (requires { tile.to_fp32(); }) tile.to_fp32();
  };
  (prepare(tiles), ...);
  return reads_as_they_are(tiles...);
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
// Writes all of them, whatever they were.
template <class... Tiles>
std::array<Access, sizeof...(Tiles)> overwrites(const Tiles&... tiles) {
  [[maybe_unused]] const auto forget = [](const auto& tile) {
    if constexpr (requires { tile.in_pairs; })
      tile.in_pairs = tile.exponentials.only_in_pairs = false;
  };
  (forget(tiles), ...);
  return writes(tiles...);
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
