#include "stages/append.h"

#include <string>

#include "attention/kv_group.h"
#include "tile/cpu/backend.h"

namespace flash {
namespace {

struct AppendArgs {
  TensorView k, v;  // the new rows
  TensorView k_cache, v_cache;
  CacheView cache;  // with the new lengths
  std::int64_t count, head_dim;
};

// Moves the new rows of one sequence and head, a wide tile at a time whatever the head dimension.
struct Append {
  template <class Block>
  TILE_KERNEL static void move(Block& block, const tile::HbmMatrix& from, const tile::HbmMatrix& to,
                               const float* unit) {
    using namespace tile;
    constexpr int rows = 16;
    Accumulator<Block, rows, 256> tile(block, "new rows");
    const std::int64_t first = to.rows - from.rows;
    for (std::int64_t row = 0; row < from.rows; row += rows) {
      load(tile, from, row);
      if (unit) scale(tile, 1 / *unit);
      store(to, first + row, tile);
    }
  }

  template <class Block>
  TILE_KERNEL static void run(Block& block, const AppendArgs& args) {
    const auto [batch, head, unused] = block.position();
    const auto append = [&](tile::TensorId tensor, const TensorView& rows, const TensorView& cache,
                            const float* scales) {
      const tile::HbmMatrix from =
          rows_of(tensor, rows, batch * args.count, args.count, args.head_dim, head, {});
      const tile::HbmMatrix to =
          cached_rows(args.cache, tensor, cache, batch, head, args.head_dim, {});
      move(block, from, to, scales ? scales + head : nullptr);
    };
    append(Tensor::K, args.k, args.k_cache, args.cache.k_scale);
    append(Tensor::V, args.v, args.v_cache, args.cache.v_scale);
  }
};

}  // namespace

void append(tile::cpu::Device& device, KvCache& cache, const TensorView& k, const TensorView& v,
            std::int64_t count) {
  const std::int64_t batch = std::ssize(cache.lengths);
  if (count < 0 || count > cache.capacity())
    throw BadInput("count", std::to_string(count) + " keys",
                   "0 to the " + std::to_string(cache.capacity()) + " of a sequence's pages");
  validate(cache, batch);
  for (const std::int32_t length : cache.lengths)
    if (length + count > cache.capacity())
      throw BadInput("count", std::to_string(count) + " keys behind " + std::to_string(length),
                     "at most the " + std::to_string(cache.capacity()) + " of a sequence's pages");
  const std::vector<std::int32_t> old = cache.lengths;
  for (std::int32_t& length : cache.lengths) length += static_cast<std::int32_t>(count);
  try {
    validate(cache, batch);
  } catch (const BadInput&) {
    cache.lengths = old;
    throw;
  }
  const AppendArgs args = {.k = k,
                           .v = v,
                           .k_cache = elements(cache, cache.k),
                           .v_cache = elements(cache, cache.v),
                           .cache = view_of(cache),
                           .count = count,
                           .head_dim = cache.head_dim};
  launch<Append>(device, "append", {batch, cache.kv_heads, 1}, k.dtype, args);
}

}  // namespace flash
