// The causal mask: where it is, and what becomes of the keys that it hides.
#include <algorithm>
#include <cmath>
#include <limits>

#include "diagnosis/mistakes.h"

namespace flash {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

bool is_causal(const Setting& s) {
  return s.problem.causal;
}

bool is_full(const Setting& s) {
  return !s.problem.causal;
}

bool shares_heads(const Setting& s) {
  return s.problem.kv_heads < s.problem.heads;
}

KeyRange all_keys(const RowContext& c) {
  return {0, c.sequence().k_length};
}

// The first `end` of the keys of the sequence.
KeyRange first_keys(const RowContext& c, std::int64_t end) {
  return {0, std::clamp<std::int64_t>(end, 0, c.sequence().k_length)};
}

// As far as the tiles go that the kernel reads: more rows than `end` cannot show.
KeyRange in_tiles(const RowContext& c, std::int64_t end) {
  return first_keys(c, std::min(end, c.end_of_tiles()));
}

std::int64_t row_in_tile(const RowContext& c) {
  const std::int64_t rows = c.setting.plan.tiles.query_rows;
  return c.setting.packs_heads ? c.packed_row() % rows / c.group() : c.id.query % rows;
}

// In fp32: weights against a maximum that no visible score comes near are 0.
RowSum<double> hidden_in_maximum(RowSlice<double> scores, const RowContext& c) {
  const double row_max = scores.maxCoeff();
  scores.tail(scores.size() - c.visible().end).setConstant(-infinity);
  scores = (scores.array() - row_max).exp();
  for (double& weight : scores)
    if (weight < 0x1p-149) weight = 0;
  const double row_sum = scores.sum();
  return {row_sum == 0 ? 1 : row_sum, row_max + std::log(row_sum)};
}

RowSum<double> masked_after_softmax(RowSlice<double> scores, const RowContext& c) {
  const RowSum<double> sum = softmax(scores);
  scores.tail(scores.size() - c.visible().end).setZero();
  return sum;
}

RowSum<double> hidden_score_0(RowSlice<double> scores, const RowContext& c) {
  scores.tail(scores.size() - c.visible().end).setZero();
  return softmax(scores);
}

// Keys past the end of the sequence in the last tile; where they are in the row sum with weight
// -inf, O is divided by that.
RowSum<double> masked_after_exponential(RowSlice<double> scores, const RowContext& c) {
  if (c.sequence().k_length % c.tile == 0) return softmax(scores);
  scores.setZero();
  return {1, std::nan("")};
}

// The tiles whose first key all rows of the tile see have no mask, and zeros past the end.
std::int64_t unmasked(const RowContext& c) {
  return tile::ceil_div(c.seen_by_all(), c.tile) * c.tile;
}

RowSum<double> padding_in_unmasked_tiles(RowSlice<double> scores, const RowContext& c) {
  const std::int64_t keys = c.sequence().k_length;
  const auto padding = static_cast<double>(std::max<std::int64_t>(0, unmasked(c) - keys));
  if (padding == 0) return softmax(scores);
  const double row_max = std::max(0.0, scores.maxCoeff());
  scores = (scores.array() - row_max).exp();
  const double row_sum = scores.sum() + padding * std::exp(-row_max);
  return {row_sum, row_max + std::log(row_sum)};
}

const Mistake table[] = {
    {.name = "the causal mask is missing", .applies = is_causal, .visible = all_keys},
    {.name = "the causal mask is missing",  // in a kernel that skips the tiles above the diagonal
     .tiled = true,
     .applies = is_causal,
     .visible = [](auto& c) { return first_keys(c, c.end_of_tiles()); }},
    {.name = "the causal mask is aligned top-left, not bottom-right",
     .applies = is_causal,
     .visible = [](auto& c) { return first_keys(c, c.id.query + 1); }},
    {.name =
         "the causal mask is aligned top-left, not bottom-right",  // in tiles up to the right one
     .tiled = true,
     .applies = is_causal,
     .visible = [](auto& c) { return in_tiles(c, c.id.query + 1); }},
    {.name = "a causal mask that the problem does not have",
     .applies = is_full,
     .visible = [](auto& c) { return first_keys(c, c.id.query + c.diagonal() + 1); }},
    {.name = "the causal mask hides the diagonal",
     .applies = is_causal,
     .visible = [](auto& c) { return first_keys(c, c.id.query + c.diagonal()); }},
    {.name = "the causal mask shows one key too many",
     .applies = is_causal,
     .visible = [](auto& c) { return first_keys(c, c.id.query + c.diagonal() + 2); }},
    {.name = "the causal mask shows one key too many",
     .tiled = true,
     .applies = is_causal,
     .visible = [](auto& c) { return in_tiles(c, c.id.query + c.diagonal() + 2); }},
    {.name = "the causal mask is upside down: it hides the keys before the diagonal",
     .applies = is_causal,
     .visible =
         [](auto& c) {
           const std::int64_t keys = c.sequence().k_length;
           return KeyRange{std::clamp<std::int64_t>(c.id.query + c.diagonal(), 0, keys), keys};
         }},
    {.name = "the causal mask takes the row within its tile for the query",
     .tiled = true,
     .applies = is_causal,
     .visible = [](auto& c) { return in_tiles(c, row_in_tile(c) + c.diagonal() + 1); }},
    {.name = "the causal mask takes the row within its tile for the query",
     .tiled = true,
     .applies = is_causal,
     .visible =
         [](auto& c) {  // where only the tiles are masked that not all rows see
           const std::int64_t unmasked = c.seen_by_all() / c.tile * c.tile;
           return in_tiles(c, std::max(row_in_tile(c) + c.diagonal() + 1, unmasked));
         }},
    {.name = "the causal mask is applied to the last tile of keys alone",
     .tiled = true,
     .applies = is_causal,
     .visible =
         [](auto& c) {
           const std::int64_t last = (c.seen_by_tile() - 1) / c.tile * c.tile;
           return first_keys(c, std::max(c.visible().end, last));
         }},
    {.name = "hidden keys get into the row maximum",
     .applies = is_causal,
     .visible = all_keys,
     .weigh = hidden_in_maximum},
    {.name = "hidden keys get into the row maximum",
     .tiled = true,
     .applies = is_causal,
     .visible = [](auto& c) { return first_keys(c, c.end_of_tiles()); },
     .weigh = hidden_in_maximum},
    {.name = "the causal mask counts packed rows, not queries",
     .tiled = true,
     .applies = [](const Setting& s) { return is_causal(s) && shares_heads(s); },
     .visible = [](auto& c) { return in_tiles(c, c.packed_row() + c.diagonal() + 1); }},
    {.name = "the mask is applied after the softmax: hidden keys count in the row sum",
     .applies = is_causal,
     .visible = all_keys,
     .weigh = masked_after_softmax},
    {.name = "the mask is applied after the softmax: hidden keys count in the row sum",
     .tiled = true,
     .applies = is_causal,
     .visible = [](auto& c) { return first_keys(c, c.end_of_tiles()); },
     .weigh = masked_after_softmax},
    {.name = "the mask is applied after exp: keys past the end weigh -inf in the row sum",
     .tiled = true,
     .weigh = masked_after_exponential},
    {.name = "a tile is not masked if all rows see its first key, though some do not see its last",
     .tiled = true,
     .visible = [](auto& c) { return in_tiles(c, std::max(c.visible().end, unmasked(c))); },
     .weigh = padding_in_unmasked_tiles},
    {.name = "hidden keys score 0, not -inf",
     .applies = is_causal,
     .visible = all_keys,
     .weigh = hidden_score_0},
    {.name = "hidden keys score 0, not -inf",
     .tiled = true,
     .applies = is_causal,
     .visible = [](auto& c) { return first_keys(c, c.end_of_tiles()); },
     .weigh = hidden_score_0},
};

}  // namespace

std::span<const Mistake> mistakes_of_masks() {
  return table;
}

}  // namespace flash
