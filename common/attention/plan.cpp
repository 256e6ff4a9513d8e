#include "attention/plan.h"

#include <bit>
#include <cmath>
#include <functional>
#include <numeric>

namespace flash {
namespace {

// SMs of an H100. Whatever the machine, it is this number that splits are made for: the splits
// decide how sums are rounded, and results should not depend on the number of cores.
constexpr int processors = 132;

// With `group` query heads to a tile.
Plan split_plan(const Shape& shape, const TileShape& tiles, std::int64_t group) {
  Plan plan{.tiles = tiles, .splits = shape.splits};
  if (plan.splits > 0) return plan;
  const std::int64_t query_tiles = tile::ceil_div(shape.seqlen_q * group, tiles.query_rows);
  plan.splits =
      num_splits(query_tiles * shape.heads / group * shape.batch, query_tiles,
                 tile::ceil_div(shape.seqlen_k, tiles.key_rows),
                 2 * shape.seqlen_k * shape.head_dim * size_in_bytes(shape.kv_dtype), shape.causal);
  return plan;
}

void add_tiles(const Shape& shape, std::int64_t batch, std::int64_t head, int query_rows,
               std::vector<QueryTile>& tiles) {
  const Sequence s = shape.sequence(batch);
  for (std::int64_t first = 0; first < s.q_length; first += query_rows) {
    const std::int64_t diagonal = first + s.k_length - s.q_length;
    const auto seen = [&](std::int64_t row) {
      return shape.causal ? std::clamp<std::int64_t>(diagonal + row + 1, 0, s.k_length)
                          : s.k_length;
    };
    const auto narrow = [](std::int64_t x) { return static_cast<std::int32_t>(x); };
    tiles.push_back({.query_tile = narrow(first / query_rows),
                     .head = narrow(head),
                     .batch = narrow(batch),
                     .first_query = narrow(first),
                     .diagonal = narrow(diagonal),
                     .seen_by_all = narrow(seen(0)),
                     .seen = narrow(seen(query_rows - 1))});
  }
}

// Those with the most keys first.
std::vector<std::int64_t> sequences_in_order(const Shape& shape) {
  std::vector<std::int64_t> order(shape.batch);
  std::iota(order.begin(), order.end(), 0);
  const auto keys = [&](std::int64_t batch) { return shape.sequence(batch).k_length; };
  std::ranges::stable_sort(order, std::greater(), keys);
  return order;
}

}  // namespace

Plan plan_of(const Shape& shape) {
  return {.tiles = tile_shape(padded_head_dim(shape.head_dim))};
}

Plan backward_plan(const Shape& shape) {
  return {.tiles = backward_tile_shape(padded_head_dim(shape.head_dim))};
}

Plan splits_plan(const Shape& shape) {
  return split_plan(shape, tile_shape(padded_head_dim(shape.head_dim)), 1);
}

Plan decoding_plan(const Shape& shape) {
  const std::int64_t rows = shape.seqlen_q * shape.group();
  return split_plan(shape, packed_tile_shape(padded_head_dim(shape.head_dim), rows), shape.group());
}

int num_splits(std::int64_t blocks, std::int64_t query_tiles, std::int64_t key_tiles,
               std::int64_t kv_bytes, bool causal) {
  constexpr std::int64_t second_cache = 50 << 20;
  if (blocks >= 0.8 * processors) {
    const bool too_large = kv_bytes > second_cache && query_tiles >= 2 * processors && !causal;
    return too_large ? static_cast<int>(std::min<std::int64_t>(
                           tile::ceil_div(kv_bytes, second_cache), max_splits))
                     : 1;
  }
  if (blocks == 0 || key_tiles <= 4) return 1;
  const auto maximum = static_cast<int>(std::min<std::int64_t>(key_tiles, max_splits));
  const auto efficiency = [&](int splits) {
    const double waves = static_cast<double>(blocks * splits) / processors;
    return waves / std::ceil(waves);
  };
  double best = 0;
  for (int splits = 1; splits <= maximum; ++splits) best = std::max(best, efficiency(splits));
  int splits = 1;
  while (efficiency(splits) < 0.85 * best) ++splits;
  return splits;
}

std::int64_t heads_in_a_section(const Shape& shape) {
  constexpr std::int64_t in_cache = 32 << 20;
  const std::int64_t of_a_head =
      2 * shape.seqlen_k * shape.head_dim * size_in_bytes(shape.kv_dtype);
  const std::int64_t fit = in_cache / std::max<std::int64_t>(of_a_head, 1);
  return shape.group() * std::max<std::int64_t>(std::bit_floor(static_cast<std::uint64_t>(fit)), 1);
}

std::vector<QueryTile> longest_first(const Shape& shape, int query_rows) {
  const std::vector<std::int64_t> sequences = sequences_in_order(shape);
  const std::int64_t heads = shape.batch * shape.heads, section = heads_in_a_section(shape);
  std::vector<QueryTile> tiles;
  for (std::int64_t begin = 0; begin < heads; begin += section) {
    const std::int64_t first = std::ssize(tiles), end = std::min(begin + section, heads);
    for (std::int64_t head = begin; head < end; ++head)
      add_tiles(shape, sequences[head / shape.heads], head % shape.heads, query_rows, tiles);
    std::ranges::stable_sort(tiles.begin() + first, tiles.end(), std::greater(), &QueryTile::seen);
  }
  return tiles;
}

}  // namespace flash
