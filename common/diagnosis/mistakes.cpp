#include "diagnosis/mistakes.h"

#include <cmath>
#include <numbers>

namespace flash {
namespace {

using std::numbers::ln2;
using std::numbers::log2e;

RowSum<double> softmax(RowSlice<double> scores) {
  const double row_max = scores.maxCoeff();
  scores = (scores.array() - row_max).exp();
  const double row_sum = scores.sum();
  return {row_sum, row_max + std::log(row_sum)};
}

KeyRange from_start(KeyRange keys, std::int64_t end) {
  return {0, std::clamp<std::int64_t>(end, 0, keys.end)};
}

KeyRange causal(Problem problem, const Sequence& s, std::int64_t query) {
  problem.causal = true;
  return visible_keys(problem, s, query);
}

// The causal mask with its diagonal moved, if there is a mask.
KeyRange moved(const Problem& p, const Sequence& s, std::int64_t query, std::int64_t keys) {
  return visible_keys(p, s, p.causal ? query + keys : query);
}

// Weights against the maximum of the tiles so far, as before any rescaling. Returns their sum.
double running_weights(RowSlice<double> scores, std::int64_t tile) {
  double running_max = -std::numeric_limits<double>::infinity();
  for (Eigen::Index j = 0; j < scores.size(); j += tile) {
    auto part = scores.segment(j, std::min<Eigen::Index>(tile, scores.size() - j));
    running_max = std::max(running_max, part.maxCoeff());
    part = (part.array() - running_max).exp();
  }
  return scores.sum();
}

RowSum<double> accumulator_not_rescaled(RowSlice<double> scores, std::int64_t tile) {
  const double row_max = scores.maxCoeff();
  const double row_sum = (scores.array() - row_max).exp().sum();
  running_weights(scores, tile);
  return {row_sum, row_max + std::log(row_sum)};
}

RowSum<double> nothing_rescaled(RowSlice<double> scores, std::int64_t tile) {
  const double row_max = scores.maxCoeff();
  const double row_sum = running_weights(scores, tile);
  return {row_sum, row_max + std::log(row_sum)};
}

RowSum<double> sum_not_rescaled(RowSlice<double> scores, std::int64_t tile) {
  const double row_max = scores.maxCoeff();
  Eigen::Matrix<double, 1, Eigen::Dynamic> copy = scores;
  const double row_sum = running_weights(copy, tile);
  scores = (scores.array() - row_max).exp();
  return {row_sum, row_max + std::log(row_sum)};
}

RowSum<double> padding_counted(RowSlice<double> scores, std::int64_t tile) {
  const double row_max = std::max(0.0, scores.maxCoeff());
  const auto padding = static_cast<double>((tile - scores.size() % tile) % tile);
  scores = (scores.array() - row_max).exp();
  const double row_sum = scores.sum() + padding * std::exp(-row_max);
  return {row_sum, row_max + std::log(row_sum)};
}

// Softmax with a wrong log-sum-exp, f(maximum, sum).
template <double (*f)(double, double)>
RowSum<double> wrong_lse(RowSlice<double> scores, std::int64_t) {
  const double row_max = scores.maxCoeff();
  const double row_sum = softmax(scores).divisor;
  return {row_sum, f(row_max, row_sum)};
}

double base_2(double m, double l) {
  return (m + std::log(l)) * log2e;
}
double max_in_base_2(double m, double l) {
  return m * log2e + std::log(l);
}
double sum_in_base_2(double m, double l) {
  return m + std::log2(l);
}
double without_max(double, double l) {
  return std::log(l);
}
double without_sum(double m, double) {
  return m;
}
double without_log(double m, double l) {
  return m + l;
}

const Mistake table[] = {
    {.name = "the mean of V: every weight is equal", .scale = [](double) { return 0.0; }},
    {.name = "the scale of the scores, 1/sqrt(head_dim), is missing",
     .scale = [](double) { return 1.0; }},
    {.name = "the scale of the scores is applied twice", .scale = [](double s) { return s * s; }},
    {.name = "exp2 of scores that lack the factor log2(e)",
     .scale = [](double s) { return s * ln2; }},
    {.name = "exp of scores that carry the factor log2(e) of exp2",
     .scale = [](double s) { return s * log2e; }},

    {.name = "the causal mask is missing",
     .visible =
         [](auto&, auto& s, auto, auto) {
           return KeyRange{0, s.k_length};
         }},
    {.name = "the causal mask is aligned top-left, not bottom-right",
     .visible =
         [](auto&, auto& s, auto query, auto) {
           return from_start({0, s.k_length}, query + 1);
         }},
    {.name = "a causal mask that the problem does not have",
     .visible = [](auto& p, auto& s, auto query, auto) { return causal(p, s, query); }},
    {.name = "the causal mask hides the diagonal",
     .visible = [](auto& p, auto& s, auto query, auto) { return moved(p, s, query, -1); }},
    {.name = "the causal mask shows one key too many",
     .visible = [](auto& p, auto& s, auto query, auto) { return moved(p, s, query, 1); }},

    {.name = "the keys after the last whole tile are missing",
     .tiled = true,
     .visible =
         [](auto& p, auto& s, auto query, auto tile) {
           return from_start(visible_keys(p, s, query), s.k_length / tile * tile);
         }},
    {.name = "the last key is missing",
     .visible = [](auto& p, auto& s, auto query,
                   auto) { return from_start(visible_keys(p, s, query), s.k_length - 1); }},
    {.name = "the first key is missing",
     .visible =
         [](auto& p, auto& s, auto query, auto) {
           const std::int64_t end = visible_keys(p, s, query).end;
           return KeyRange{std::min<std::int64_t>(1, end), end};
         }},
    {.name = "only the first half of the keys is read",
     .visible = [](auto& p, auto& s, auto query,
                   auto) { return from_start(visible_keys(p, s, query), s.k_length / 2); }},
    {.name = "only the second half of the keys is read",
     .visible =
         [](auto& p, auto& s, auto query, auto) {
           const std::int64_t end = visible_keys(p, s, query).end;
           return KeyRange{std::min(s.k_length / 2, end), end};
         }},
    {.name = "only the first tile of keys counts",
     .tiled = true,
     .visible = [](auto& p, auto& s, auto query,
                   auto tile) { return from_start(visible_keys(p, s, query), tile); }},
    {.name = "only the last tile of keys counts",
     .tiled = true,
     .visible =
         [](auto& p, auto& s, auto query, auto tile) {
           const std::int64_t end = visible_keys(p, s, query).end;
           return KeyRange{std::max<std::int64_t>(0, end - 1) / tile * tile, end};
         }},
    {.name = "padding keys count with score 0", .tiled = true, .weigh = padding_counted},

    {.name = "query head h reads key head h % kv_heads, not h / (heads / kv_heads)",
     .kv_head = [](const Problem& p, std::int64_t head) { return head % p.kv_heads; }},
    {.name = "every query head reads key head 0",
     .kv_head = [](const Problem&, std::int64_t) { return std::int64_t{0}; }},
    {.name = "K and V are swapped", .k = &Inputs::v, .v = &Inputs::k},
    {.name = "K is read in place of V", .v = &Inputs::k},

    {.name = "O is not divided by the row sum",
     .weigh =
         [](RowSlice<double> scores, std::int64_t) {
           return RowSum<double>{1, softmax(scores).lse};
         }},
    {.name = "the accumulator is not rescaled when the maximum moves",
     .tiled = true,
     .weigh = accumulator_not_rescaled},
    {.name = "the row sum is not rescaled when the maximum moves",
     .tiled = true,
     .weigh = sum_not_rescaled},
    {.name = "neither accumulator nor row sum is rescaled when the maximum moves",
     .tiled = true,
     .weigh = nothing_rescaled},

    {.name = "LSE is in base 2, not a natural logarithm", .weigh = wrong_lse<base_2>},
    {.name = "LSE adds a maximum in base 2 to a natural logarithm",
     .weigh = wrong_lse<max_in_base_2>},
    {.name = "LSE adds log2 of the sum, not its natural logarithm",
     .weigh = wrong_lse<sum_in_base_2>},
    {.name = "LSE lacks the row maximum", .weigh = wrong_lse<without_max>},
    {.name = "LSE lacks the logarithm of the row sum", .weigh = wrong_lse<without_sum>},
    {.name = "LSE adds the row sum, not its logarithm", .weigh = wrong_lse<without_log>},
};

}  // namespace

std::span<const Mistake> mistakes() {
  return table;
}

RowResults<double> forward_with_mistake(const Problem& problem, const Inputs& inputs,
                                        const Rows& rows, const Mistake& mistake,
                                        std::int64_t tile) {
  const Operands right = operands(problem, inputs);
  const Operands in{inputs.q,
                    inputs.*mistake.k,
                    inputs.*mistake.v,
                    mistake.scale ? mistake.scale(right.scale) : right.scale,
                    [&](std::int64_t head) {
                      return mistake.kv_head ? mistake.kv_head(problem, head) : right.kv_head(head);
                    },
                    [&](const Sequence& s, std::int64_t query) {
                      return mistake.visible ? mistake.visible(problem, s, query, tile)
                                             : right.visible(s, query);
                    }};
  return attend_rows<double>(problem, in, rows, [&](RowSlice<double> scores) {
    return mistake.weigh ? mistake.weigh(scores, tile) : softmax(scores);
  });
}

}  // namespace flash
