#include "tile/cpu/memory.h"

#include <string>

namespace tile::cpu {
namespace {

void look_up_pages(Block& block, Transfer transfer, std::string_view tile, const HbmMatrix& hbm,
                   const Overlap& part) {
  if (!hbm.table || part.rows == 0) return;
  const std::int64_t first = part.row / hbm.page_rows;
  const std::int64_t last = (part.row + part.rows - 1) / hbm.page_rows;
  if (transfer != Transfer::store)
    block.counters().hbm_read[hbm.table_tensor] += (last - first + 1) * 4;
  if (!block.checked()) return;
  for (std::int64_t i = first; i <= last; ++i)
    if (hbm.table[i] < 0 || hbm.table[i] >= hbm.cache_pages)
      block.fail(std::string(name(transfer)) + " of tile " + std::string(tile) + ": page " +
                 std::to_string(i) + " of tensor " + std::string(hbm.tensor.name) + " is page " +
                 std::to_string(hbm.table[i]) + ", outside the " + std::to_string(hbm.cache_pages) +
                 " of the cache");
}

}  // namespace

void require_inside(const Block& block, Transfer transfer, std::string_view tile, TensorId tensor,
                    std::string_view axis, std::int64_t first, std::int64_t size) {
  const std::int64_t last = transfer == Transfer::load ? size : size - 1;
  const bool by_tma = transfer == Transfer::load_async || transfer == Transfer::atomic_add_async;
  if (first >= 0 && (first <= last || by_tma)) return;
  block.fail(std::string(name(transfer)) + " of tile " + std::string(tile) + " begins at " +
             std::string(axis) + " " + std::to_string(first) + ", outside the " +
             std::to_string(size) + " of tensor " + std::string(tensor.name));
}

void require_inside(const Block& block, Transfer transfer, std::string_view tile, TensorId tensor,
                    const OutOfRange& outside) {
  if (!outside.axis) return;
  block.fail(std::string(name(transfer)) + " of tile " + std::string(tile) + ": " + outside.axis +
             " " + std::to_string(outside.index) + " is outside the " +
             std::to_string(outside.size) + " of tensor " + std::string(tensor.name));
}

Op bytes_of(Transfer transfer, TensorId tensor, std::int64_t bytes, const HbmPlace& place) {
  const bool writes = transfer >= Transfer::store;
  return {.name = name(transfer),
          .unit = Unit::copy,
          .bytes = bytes,
          .tensor = tensor,
          .writes_hbm = writes,
          .place = place};
}

Overlap cover(Block& block, Transfer transfer, std::string_view tile, const HbmMatrix& hbm,
              std::int64_t row, std::int64_t col, int rows, int cols) {
  require_inside(block, transfer, tile, hbm.tensor, hbm.outside);
  require_inside(block, transfer, tile, hbm.tensor, "row", row, hbm.rows);
  require_inside(block, transfer, tile, hbm.tensor, "column", col, hbm.cols);
  const auto left = [](std::int64_t size, std::int64_t first, int of_tile) {
    return static_cast<int>(std::clamp<std::int64_t>(size - first, 0, of_tile));
  };
  const Overlap part = {row, col, left(hbm.rows, row, rows), left(hbm.cols, col, cols)};
  look_up_pages(block, transfer, tile, hbm, part);
  return part;
}

}  // namespace tile::cpu
