// What is read: the scale, the masks, which keys, and whose.
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

bool is_causal(const Setting& s) {
  return s.problem.causal;
}
bool is_full(const Setting& s) {
  return !s.problem.causal;
}
bool shares_heads(const Setting& s) {
  return s.problem.kv_heads < s.problem.heads;
}
bool is_padded(const Setting& s) {
  return s.plan.tiles.head_dim != s.real_head_dim;
}

KeyRange all_keys(const RowContext& c) {
  return {0, c.sequence().k_length};
}

// The first `end` of the keys of the sequence.
KeyRange first_keys(const RowContext& c, std::int64_t end) {
  return {0, std::clamp<std::int64_t>(end, 0, c.sequence().k_length)};
}

// The first `end` of those that the row sees.
KeyRange seen(const RowContext& c, std::int64_t end) {
  return {0, std::clamp<std::int64_t>(end, 0, c.visible().end)};
}

KeyRange seen_from(const RowContext& c, std::int64_t begin) {
  const std::int64_t end = c.visible().end;
  return {std::clamp<std::int64_t>(begin, 0, end), end};
}

// As far as the tiles go that the kernel reads: more rows than `end` cannot show.
KeyRange in_tiles(const RowContext& c, std::int64_t end) {
  return first_keys(c, std::min(end, c.end_of_tiles()));
}

std::int64_t row_in_tile(const RowContext& c) {
  return c.id.query % c.setting.plan.tiles.query_rows;
}

std::int64_t row_from_first_tile(std::int64_t key, std::int64_t tile) {
  return key % tile;
}

RowSum<double> padding_counted(RowSlice<double> scores, const RowContext& c) {
  const double row_max = std::max(0.0, scores.maxCoeff());
  const auto padding = static_cast<double>((c.tile - scores.size() % c.tile) % c.tile);
  scores = (scores.array() - row_max).exp();
  const double row_sum = scores.sum() + padding * std::exp(-row_max);
  return {row_sum, row_max + std::log(row_sum)};
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

// A row that sees no key attends to all that there are; the mean of V where scores are all -inf.
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
     .applies = is_causal,
     .visible = [](auto& c) { return in_tiles(c, row_in_tile(c) + c.diagonal() + 1); }},
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
    {.name = "hidden keys score 0, not -inf",
     .applies = is_causal,
     .visible = all_keys,
     .weigh = hidden_score_0},
    {.name = "hidden keys score 0, not -inf",
     .tiled = true,
     .applies = is_causal,
     .visible = [](auto& c) { return first_keys(c, c.end_of_tiles()); },
     .weigh = hidden_score_0},

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
     .visible = [](auto& c) { return seen_from(c, (c.visible().end - 1) / c.tile * c.tile); }},
    {.name = "the last tile of keys is missing",
     .tiled = true,
     .visible = [](auto& c) { return seen(c, (c.visible().end - 1) / c.tile * c.tile); }},
    {.name = "padding keys count with score 0", .tiled = true, .weigh = padding_counted},
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
