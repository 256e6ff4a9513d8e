// What is read: the scale, and which rows of Q, K and V.
#include <algorithm>
#include <cmath>
#include <numbers>

#include "diagnosis/mistakes.h"

namespace flash {
namespace {

using std::numbers::ln2;
using std::numbers::log2e;

double right_scale(const Setting& s) {
  return s.problem.softmax_scale();
}

bool is_padded(const Setting& s) {
  return s.plan.tiles.head_dim != s.real_head_dim;
}

// The first `end` of those that the row sees.
KeyRange seen(const RowContext& c, std::int64_t end) {
  return {0, std::clamp<std::int64_t>(end, 0, c.visible().end)};
}

KeyRange seen_from(const RowContext& c, std::int64_t begin) {
  const std::int64_t end = c.visible().end;
  return {std::clamp<std::int64_t>(begin, 0, end), end};
}

std::int64_t row_in_tile(const RowContext& c) {
  return c.id.query % c.setting.plan.tiles.query_rows;
}

std::int64_t row_from_first_tile(std::int64_t key, std::int64_t tile) {
  return key % tile;
}

// Scores of 0 in the last tile: of the keys that the row sees, of all keys, or of all keys where
// there is no causal mask to hide them.
enum class Padding { of_row, of_keys, of_keys_without_mask };

template <Padding of>
RowSum<double> padding_counted(RowSlice<double> scores, const RowContext& c) {
  const std::int64_t keys = of == Padding::of_row ? scores.size() : c.sequence().k_length;
  const auto padding = static_cast<double>((c.tile - keys % c.tile) % c.tile);
  if (padding == 0 || (of == Padding::of_keys_without_mask && c.problem().causal))
    return softmax(scores);
  const double row_max = std::max(0.0, scores.maxCoeff());
  scores = (scores.array() - row_max).exp();
  const double row_sum = scores.sum() + padding * std::exp(-row_max);
  return {row_sum, row_max + std::log(row_sum)};
}

const Mistake table[] = {
    {.name = "the mean of V: every weight is equal", .scale = [](auto&) { return 0.0; }},
    {.name = "the scale of the scores, 1/sqrt(head_dim), is missing",
     .scale = [](auto&) { return 1.0; }},
    {.name = "the scale of the scores is applied twice",
     .scale = [](auto& s) { return right_scale(s) * right_scale(s); }},
    {.name = "the scores are multiplied by sqrt(head_dim), not divided",
     .scale = [](auto& s) { return 1 / right_scale(s); }},
    {.name = "the scale is that of the padded head_dim",
     .applies = is_padded,
     .scale = [](auto& s) { return 1 / std::sqrt(static_cast<double>(s.plan.tiles.head_dim)); }},
    {.name = "exp2 of scores that lack the factor log2(e)",
     .scale = [](auto& s) { return right_scale(s) * ln2; }},
    {.name = "exp of scores that carry the factor log2(e) of exp2",
     .scale = [](auto& s) { return right_scale(s) * log2e; }},
    {.name = "only the first 64 columns of Q and K count",
     .applies = [](const Setting& s) { return s.problem.head_dim > 64; },
     .score_columns = [](auto&) { return std::int64_t{64}; }},
    {.name = "the columns of Q and K past a multiple of 32 are missing",
     .applies = [](const Setting& s) { return s.problem.head_dim % 32 != 0; },
     .score_columns = [](const Setting& s) { return s.problem.head_dim / 32 * 32; }},
    {.name = "the keys after the last whole tile are missing",
     .tiled = true,
     .visible = [](auto& c) { return seen(c, c.sequence().k_length / c.tile * c.tile); }},
    {.name = "the last key is missing",
     .visible = [](auto& c) { return seen(c, c.sequence().k_length - 1); }},
    {.name = "the first key is missing", .visible = [](auto& c) { return seen_from(c, 1); }},
    {.name = "only the first half of the keys is read",
     .visible = [](auto& c) { return seen(c, c.sequence().k_length / 2); }},
    {.name = "only the second half of the keys is read",
     .visible = [](auto& c) { return seen_from(c, c.sequence().k_length / 2); }},
    {.name = "only the first tile of keys counts",
     .tiled = true,
     .visible = [](auto& c) { return seen(c, c.tile); }},
    {.name = "the first tile of keys is missing",
     .tiled = true,
     .visible = [](auto& c) { return seen_from(c, c.tile); }},
    {.name = "only the last tile of keys counts",
     .tiled = true,
     .swept = true,
     .visible = [](auto& c) { return seen_from(c, (c.end_of_loop() - 1) / c.tile * c.tile); }},
    {.name = "the last tile of keys is missing",
     .tiled = true,
     .visible = [](auto& c) { return seen(c, (c.visible().end - 1) / c.tile * c.tile); }},
    {.name = "padding keys count with score 0",
     .tiled = true,
     .weigh = padding_counted<Padding::of_row>},
    {.name = "padding keys count with score 0",
     .tiled = true,
     .weigh = padding_counted<Padding::of_keys>},
    {.name = "padding keys count with score 0",
     .tiled = true,
     .weigh = padding_counted<Padding::of_keys_without_mask>},
    {.name = "K is always read from the first tile of keys",
     .tiled = true,
     .k_row = row_from_first_tile},
    {.name = "V is always read from the first tile of keys",
     .tiled = true,
     .v_row = row_from_first_tile},
    {.name = "K and V are always read from the first tile of keys",
     .tiled = true,
     .k_row = row_from_first_tile,
     .v_row = row_from_first_tile},
    {.name = "Q is always read from the first tile of queries",
     .q_row =
         [](auto& c) {
           return RowId{c.id.batch, c.id.head, row_in_tile(c)};
         }},
    {.name = "K and V are swapped", .k = &Inputs::v, .v = &Inputs::k},
    {.name = "K is read in place of V", .v = &Inputs::k},
    {.name = "V is read in place of K", .k = &Inputs::v},
};

}  // namespace

std::span<const Mistake> mistakes_of_operands() {
  return table;
}

}  // namespace flash
