#include "testing/scalar_kernel.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <vector>

#include "attention/random.h"
#include "check/rows.h"

namespace flash {
namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();

std::vector<float> widen(const Problem& p, const Buffer& buffer) {
  std::vector<float> values(buffer.size() / size_in_bytes(p.dtype));
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = element(buffer, p.dtype, static_cast<std::int64_t>(i));
  return values;
}

class Kernel {
 public:
  Kernel(const Problem& problem, const Inputs& inputs, Bug planted)
      : p(problem),
        bug(planted),
        q(widen(p, inputs.q)),
        k(widen(p, bug == Bug::swapped_k_v ? inputs.v : inputs.k)),
        v(widen(p, bug == Bug::swapped_k_v ? inputs.k : inputs.v)) {}

  void row(std::int64_t b, std::int64_t h, std::int64_t query, Outputs& outputs) {
    const Sequence s = p.sequence(b);
    const std::int64_t q_head = bug == Bug::answer_of_next_head ? (h + 1) % p.heads : h;
    const std::int64_t kv_head =
        bug == Bug::wrong_kv_head ? h % p.kv_heads : q_head / (p.heads / p.kv_heads);
    row_max = -infinity;
    row_sum = 0;
    acc.assign(p.head_dim, 0);
    const std::int64_t keys = visible(s, query);
    seen = visible_keys(p, s, query).end;
    for (std::int64_t j = 0; j < keys; j += scalar_kernel_tile) {
      const std::int64_t first = ((s.k_begin + j) * p.kv_heads + kv_head) * p.head_dim;
      if (bug == Bug::skips_tile_1 && j == scalar_kernel_tile) continue;
      first_v = bug == Bug::first_tile_of_v ? first - j * p.kv_heads * p.head_dim : first;
      tile(q_offset(p, b, query, q_head), first, j, std::min(scalar_kernel_tile, keys - j));
    }
    if (bug == Bug::padding_counted && keys % scalar_kernel_tile != 0)
      row_sum += static_cast<float>(scalar_kernel_tile - keys % scalar_kernel_tile) *
                 std::exp2(-row_max * scale());
    for (std::int64_t c = 0; c < p.head_dim; ++c)
      set_element(outputs.o, p.dtype, q_offset(p, b, query, h) + c, result(acc[c]));
    outputs.lse[p.row_offset(b, h) + query] = lse();
  }

 private:
  // The factor of scores in exponents of 2.
  float scale() const {
    double scale = p.softmax_scale() * std::numbers::log2e;
    if (bug == Bug::mean_of_v) scale = 0;
    if (bug == Bug::no_scale) scale /= p.softmax_scale();
    if (bug == Bug::scale_twice) scale *= p.softmax_scale();
    if (bug == Bug::natural_scale_in_exp2) scale = p.softmax_scale();
    if (bug == Bug::temperature) scale /= 1.1;
    if (bug == Bug::squared) scale *= 2;
    return static_cast<float>(scale);
  }

  std::int64_t visible(const Sequence& s, std::int64_t query) const {
    const std::int64_t keys = visible_keys(p, s, query).end;
    switch (bug) {
      case Bug::mask_missing:
        return s.k_length;
      case Bug::mask_top_left:
        return std::min(query + 1, s.k_length);
      case Bug::mask_unasked:
        return std::clamp<std::int64_t>(query + 1 + s.k_length - s.q_length, 0, s.k_length);
      case Bug::half_of_keys:
        return std::min(keys, s.k_length / 2);
      case Bug::tail_missing:
        return std::min(keys, s.k_length / scalar_kernel_tile * scalar_kernel_tile);
      case Bug::mask_after_softmax:
        return s.k_length;
      case Bug::mask_shows_two_more:
        return p.causal
                   ? std::clamp<std::int64_t>(query + 3 + s.k_length - s.q_length, 0, s.k_length)
                   : keys;
      case Bug::last_two_keys_missing:
        return std::min(keys, std::max<std::int64_t>(0, s.k_length - 2));
      case Bug::last_key_missing:
        return std::min(keys, std::max<std::int64_t>(0, s.k_length - 1));
      default:
        return keys;
    }
  }

  // As wrong as the exp2 of GPUs and of vector libraries may be: a relative error up to 1.6e-7.
  float exp2(float x) {
    const double uniform = static_cast<double>(random_bits(1, draws++) >> 11) * 0x1p-52 - 1;
    return x == 0 ? 1
                  : static_cast<float>(std::exp2(static_cast<double>(x)) * (1 + 1.6e-7 * uniform));
  }

  // Scores of the tile's keys; the running maximum with them.
  void multiply(std::int64_t q_first, std::int64_t k_first, std::int64_t keys) {
    const std::int64_t stride = p.kv_heads * p.head_dim;
    for (std::int64_t j = 0; j < keys; ++j) {
      scores[j] = 0;
      for (std::int64_t c = 0; c < p.head_dim; ++c)
        scores[j] = std::fma(q[q_first + c], k[k_first + j * stride + c], scores[j]);
      if (bug == Bug::capped) scores[j] = 20 * std::tanh(scores[j] / 20);
      if (bug == Bug::every_second_key && j % 2 == 1) scores[j] = -infinity;
      row_max = std::max(row_max, scores[j]);
    }
    if (bug == Bug::max_not_subtracted) row_max = 0;
  }

  void tile(std::int64_t q_first, std::int64_t k_first, std::int64_t first_key, std::int64_t keys) {
    const float old_max = row_max;
    multiply(q_first, k_first, keys);
    float reference = row_max;  // of the weights
    if (bug == Bug::own_maximum) reference = *std::max_element(scores, scores + keys);
    const float max_exponent = reference * scale();
    const bool first = old_max == -infinity;
    float rescale = first ? 0 : exp2((old_max - row_max) * scale());
    if (bug == Bug::rescaled_wrong_sign && !first) rescale = 1 / rescale;
    float sum = 0;
    for (std::int64_t j = 0; j < keys; ++j) {
      scores[j] = exp2(std::fma(scores[j], scale(), -max_exponent));
      sum += scores[j];
    }
    row_sum =
        bug == Bug::sum_rescaled_late ? (row_sum + sum) * rescale : std::fma(row_sum, rescale, sum);
    if (bug == Bug::accumulator_not_rescaled) rescale = 1;
    if (bug == Bug::mask_after_softmax)
      for (std::int64_t j = std::max<std::int64_t>(0, seen - first_key); j < keys; ++j)
        scores[j] = 0;
    accumulate(rescale, keys);
  }

  void accumulate(float rescale, std::int64_t keys) {
    const std::int64_t stride = p.kv_heads * p.head_dim;
    for (std::int64_t c = 0; c < p.head_dim; ++c) {
      const std::int64_t column = bug == Bug::shifted_v ? (c + 1) % p.head_dim : c;
      acc[c] *= rescale;
      for (std::int64_t j = 0; j < keys; ++j)
        acc[c] = std::fma(scores[j], v[first_v + j * stride + column], acc[c]);
      if (bug == Bug::divided_in_every_tile) acc[c] /= row_sum;
    }
  }

  float result(float accumulated) const {
    switch (bug) {
      case Bug::zeros:
        return 0;
      case Bug::constant:
        return 0.75f;
      case Bug::nan:
        return std::numeric_limits<float>::quiet_NaN();
      case Bug::not_divided:
      case Bug::divided_in_every_tile:
        return accumulated;
      case Bug::divided_twice:
        return accumulated / row_sum / row_sum;
      case Bug::empty_row_divided:
        return accumulated / row_sum;
      default:
        return row_sum == 0 ? 0 : accumulated / row_sum;
    }
  }

  float lse() const {
    if (row_sum == 0) return -infinity;
    const float log_sum = std::log(row_sum);
    if (bug == Bug::lse_without_max) return log_sum;
    const float natural = row_max * scale() * std::numbers::ln2_v<float> + log_sum;
    return bug == Bug::lse_base_2 ? natural * std::numbers::log2e_v<float> : natural;
  }

  const Problem& p;
  const Bug bug;
  const std::vector<float> q, k, v;
  std::vector<float> acc;
  float scores[scalar_kernel_tile];
  std::int64_t seen = 0, first_v = 0;
  float row_max = 0, row_sum = 0;
  std::uint64_t draws = 0;
};

}  // namespace

Outputs scalar_kernel(const Problem& problem, const Inputs& inputs, Bug bug) {
  Outputs outputs{Buffer(inputs.q.size()), std::vector<float>(lse_elements(problem))};
  Kernel kernel(problem, inputs, bug);
  for_each_row(all_rows(problem), [&](std::int64_t, std::int64_t batch, std::int64_t query) {
    for (std::int64_t h = 0; h < problem.heads; ++h) kernel.row(batch, h, query, outputs);
  });
  return outputs;
}

}  // namespace flash
