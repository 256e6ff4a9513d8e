// Dropout: which weights are dropped, and of what they are left out, in both passes.
#include "diagnosis/gradient_mistakes.h"
#include "diagnosis/mistakes.h"

namespace flash {
namespace {

using tile::Dropout;

// Where a kernel is, and how it asks for the mask of a weight.
struct Weight {
  std::int64_t query, key;
  std::int64_t query_rows, key_rows;  // of a tile

  std::int64_t first_query() const { return query / query_rows * query_rows; }
  std::int64_t first_key() const { return key / key_rows * key_rows; }
};
using Mask = float (*)(const Dropout&, const Weight&);

float none(const Dropout&, const Weight&) {
  return 1;
}
float unscaled(const Dropout& dropout, const Weight& at) {
  return dropout.keeps(at.query, at.key) ? 1 : 0;
}
float of_key_in_tile(const Dropout& dropout, const Weight& at) {
  return dropout.factor(at.query, at.key - at.first_key());
}
float of_query_in_tile(const Dropout& dropout, const Weight& at) {
  return dropout.factor(at.query - at.first_query(), at.key);
}
float exchanged(const Dropout& dropout, const Weight& at) {
  return dropout.factor(at.first_key() + at.query - at.first_query(),
                        at.first_query() + at.key - at.first_key());
}
float untransposed(const Dropout& dropout, const Weight& at) {
  return dropout.factor(at.first_query() + at.key - at.first_key(),
                        at.first_key() + at.query - at.first_query());
}

bool has_dropout(const Setting& setting) {
  return setting.problem.dropout > 0;
}

template <Mask mask>
float of_forward(const RowContext& c, std::int64_t key) {
  return mask(c.problem().dropout_of(c.id.batch, c.id.head),
              {c.id.query, key, c.setting.plan.tiles.query_rows, c.tile});
}
float of_first_head(const RowContext& c, std::int64_t key) {
  return c.problem()
      .dropout_of(c.id.batch, c.id.head / c.group() * c.group())
      .factor(c.id.query, key);
}
float of_other_sequence(const RowContext& c, std::int64_t key) {
  return c.problem().dropout_of(0, c.id.head).factor(c.id.query, key);
}

RowSum<double> sum_of_dropped(RowSlice<double> scores, const RowContext& c) {
  const RowSum<double> all = softmax(scores);
  const Dropout dropout = c.problem().dropout_of(c.id.batch, c.id.head);
  double sum = 0;
  for (Eigen::Index j = 0; j < scores.size(); ++j) sum += scores[j] * dropout.factor(c.id.query, j);
  return {sum == 0 ? 1 : sum, all.lse - std::log(all.divisor) + std::log(sum)};
}

const Mistake forward[] = {
    {.name = "dropout is left out", .applies = has_dropout, .drop = of_forward<none>},
    {.name = "the row sum is that of dropped weights, not of all",
     .applies = has_dropout,
     .weigh = sum_of_dropped},
    {.name = "the weights that dropout keeps lack the factor 1 / (1 - p)",
     .applies = has_dropout,
     .drop = of_forward<unscaled>},
    {.name = "the mask of dropout begins anew in each tile of keys",
     .tiled = true,
     .applies = has_dropout,
     .drop = of_forward<of_key_in_tile>},
    {.name = "the mask of dropout begins anew in each tile of queries",
     .applies = has_dropout,
     .drop = of_forward<of_query_in_tile>},
    {.name = "query and key are exchanged in the mask of dropout",
     .tiled = true,
     .applies = has_dropout,
     .drop = of_forward<exchanged>},
    {.name = "the mask of dropout is transposed",
     .tiled = true,
     .applies = has_dropout,
     .drop = of_forward<untransposed>},
    {.name = "the mask of dropout is that of the first query head of a group",
     .applies = has_dropout,
     .drop = of_first_head},
    {.name = "the mask of dropout is that of the first sequence",
     .applies = has_dropout,
     .drop = of_other_sequence},
};

using Terms = GradientTerms;

template <Mask mask>
Terms::Array of_head(const Terms& t) {
  Terms::Array factors(t.P.rows(), t.P.cols());
  for (Eigen::Index i = 0; i < factors.rows(); ++i)
    for (Eigen::Index j = 0; j < factors.cols(); ++j)
      factors(i, j) = mask(t.dropout, {i, j, t.query_rows, t.key_rows});
  return t.has_dropout ? factors : t.drop;
}

// The wrong mask in both products, in that of dV or in dP. Whoever sums P dP for D has it there.
template <Mask mask>
void in_both(Terms& t) {
  t.drop = of_head<mask>(t);
}
template <Mask mask>
void in_dV(Terms& t) {
  t.dropped_P = t.P * of_head<mask>(t);
}
template <Mask mask>
void in_dP(Terms& t) {
  t.dP = (t.d_o * t.v.transpose()).array() * of_head<mask>(t);
}
void sum_P_dP(Terms& t) {
  t.D = (t.P * t.dP).rowwise().sum();
}

constexpr GradientMistake backward[] = {
    {.name = "dropout is left out of the backward pass", .drop = in_both<none>},
    {.name = "dropout is left out of the backward pass", .drop = in_both<none>, .D = sum_P_dP},
    {.name = "dropout is left out of dV", .dropped_P = in_dV<none>},
    {.name = "dropout is left out of dP", .dP = in_dP<none>},
    {.name = "dropout is left out of dP", .dP = in_dP<none>, .D = sum_P_dP},
    {.name = "dS is made of dropped weights: P is dropped, not dP",
     .dS =
         [](Terms& t) {
           const Terms::Array dP = (t.d_o * t.v.transpose()).array();
           t.dS = t.dropped_P * (dP.colwise() - t.D);
         }},
    {.name = "dS is made of dropped weights: P is dropped, and dP as well",
     .dS = [](Terms& t) { t.dS = t.dropped_P * (t.dP.colwise() - t.D); }},
    {.name = "what dropout keeps lacks the factor 1 / (1 - p)", .drop = in_both<unscaled>},
    {.name = "dV lacks the factor 1 / (1 - p) of dropout", .dropped_P = in_dV<unscaled>},
    {.name = "dP lacks the factor 1 / (1 - p) of dropout", .dP = in_dP<unscaled>},
    {.name = "the mask of dropout begins anew in each tile of keys",
     .drop = in_both<of_key_in_tile>},
    {.name = "the mask of dropout begins anew in each tile of keys", .dP = in_dP<of_key_in_tile>},
    {.name = "the mask of dropout begins anew in each tile of keys",
     .dP = in_dP<of_key_in_tile>,
     .D = sum_P_dP},
    {.name = "the mask of dropout begins anew in each tile of keys",
     .dropped_P = in_dV<of_key_in_tile>},
    {.name = "the mask of dropout begins anew in each tile of queries",
     .drop = in_both<of_query_in_tile>},
    {.name = "query and key are exchanged in the mask of dropout", .drop = in_both<exchanged>},
    {.name = "the mask of dropout is not transposed", .drop = in_both<untransposed>},
    {.name = "the mask of dropout is that of the first query head of a group", .first_drop = true},
};

}  // namespace

std::span<const Mistake> mistakes_of_dropout() {
  return forward;
}

std::span<const GradientMistake> gradient_mistakes_of_dropout() {
  return backward;
}

}  // namespace flash
