#include "tile/cpu/tiles.h"

#include <string>

namespace tile::cpu {
namespace {

void require_written(const Block& block, std::string_view operation, const Access& tile) {
  for (int row = 0; row < tile.rows; ++row)
    for (int col = 0; col < tile.cols; ++col) {
      const float x = tile.data[tile.in_columns ? index_in_tile(tile.rows, tile.cols, row, col)
                                                : row * copied_row_stride(tile.cols) + col];
      if (std::bit_cast<std::uint32_t>(x) == unwritten)
        block.fail(std::string(operation) + " reads " + std::string(tile.name) + "[" +
                   std::to_string(row) + ", " + std::to_string(col) + "], which nothing wrote");
    }
}

}  // namespace

void check_accesses(Block& block, std::string_view operation, std::span<const Access> read,
                    std::span<const Access> written) {
  for (const Access& tile : read) {
    block.require_no_hazard(block.race_detector().read(block.role(), operation, tile.data));
    require_written(block, operation, tile);
  }
  for (const Access& tile : written)
    block.require_no_hazard(block.race_detector().write(block.role(), operation, tile.data));
}

}  // namespace tile::cpu
