// How large an error may be.
#include <algorithm>
#include <cmath>

#include "check/checker.h"
#include "check/errors.h"
#include "check/plain.h"
#include "check/reference.h"
#include "tile/cpu/parallel.h"

namespace flash {
namespace {

constexpr double max_flops = 2e10;  // of the rows that are checked

constexpr double unit_roundoff = 0x1p-24;  // of fp32

// Largest Euclidean norm of a key, and largest magnitude of a value, of one head of one sequence.
struct Largest {
  double key_norm = 0, value = 0;
};

double norm(const Buffer& buffer, DType dtype, std::int64_t first, std::int64_t count) {
  double sum = 0;
  for (std::int64_t c = 0; c < count; ++c) {
    const double x = element(buffer, dtype, first + c);
    sum += x * x;
  }
  return std::sqrt(sum);
}

// In the order [batch, kv_heads].
std::vector<Largest> largest_of_heads(const Problem& p, const Inputs& inputs) {
  std::vector<Largest> heads(p.batch * p.kv_heads);
  const double work = 10 * static_cast<double>(k_elements(p));
  tile::cpu::parallel_for(p.batch * p.kv_heads, work, [&](std::int64_t i) {
    const Sequence s = p.sequence(i / p.kv_heads);
    for (std::int64_t j = s.k_begin; j < s.k_begin + s.k_length; ++j) {
      const std::int64_t first = (j * p.kv_heads + i % p.kv_heads) * p.head_dim;
      heads[i].key_norm = std::max(heads[i].key_norm, norm(inputs.k, p.dtype, first, p.head_dim));
      for (std::int64_t c = 0; c < p.head_dim; ++c)
        heads[i].value =
            std::max<double>(heads[i].value, std::abs(element(inputs.v, p.dtype, first + c)));
    }
  });
  return heads;
}

// Half a unit in the last place of x: the error of rounding to x.
double rounding_error(DType dtype, double x) {
  const int smallest_exponent = dtype == DType::f16 ? -14 : -126;
  const int exponent =
      std::isnormal(x) ? std::max(std::ilogb(x), smallest_exponent) : smallest_exponent;
  return std::ldexp(epsilon(dtype) / 2, exponent);
}

// The rounding of one operation. The plain computation of a problem of a few elements can be exact
// by luck, so twice its error is not enough. On top of it a kernel that is right may be off by:
//
// - The rounding of O to its dtype: half a unit in the last place of O. (The FlashAttention project
//   measures it: 2 max|(O + 0.3 - 0.3) - O|.)
// - One fp32 rounding of a score. It is relative to the partial sums of q.k, which the norms bound
//   (Cauchy, Schwarz) even where the products cancel: u scale |q| max|k|, u = 2^-24.
// - One exponential: exp2 of GPUs and of vector libraries is accurate to 2^-22 = 4 u, and the row
//   maximum in its argument, about as large as LSE, is rounded to u |LSE| once it is scaled. (Two
//   tiles that see different maxima do not share that rounding, so it does not cancel.)
//
// Both change a weight p by a factor 1 + delta. Then O moves by p (1 - p) (v - v') delta, with v'
// the mean of the other values: at most max|v| delta / 2; with dropout what V is multiplied by is
// in max|v|. The bound of the largest error takes the
// largest of these. In the mean the luck of single scores averages out, so it takes the roundings
// of O and the exponentials of every row, but the score of one row only.
//
// LSE is about as large as a score, and nothing averages its roundings: those of the sum q.k walk
// randomly, at worst (q and k parallel) with a standard deviation of u sqrt(d)/3 scale |q||k|, of
// which we allow three; and 4 u (|LSE| + 1) for scaling to base 2, for the way back to base e, and
// for the exponential and the addition of log(sum).
//
// In FP8 (plain_fp8_forward) the plain computation quantises Q, K and V in the same blocks as a
// stage has to, so both have FP8's error of these in common, and scores that differ in fp32
// rounding only: LSE differs from the plain one by the operations above. P is rounded to E4M3, by
// at most 2^-4 of itself, relative to the maximum of the row in one and to that of the keys so far
// in the other. These are two draws of as many errors, next to those of V in E4M3, which are as
// large and in common: the rule's factors 2 and 1.5 have room for them. In 12,000 random problems,
// formats and scales the largest error came to 0.60 of its bound, the mean to 0.70, that of LSE to
// 0.50.
struct Rounding {
  double score, exponential, lse;

  // `magnitude` is scale |q| max|k|.
  Rounding(double magnitude, double largest_value, double head_dim, double exact_lse)
      : score(unit_roundoff * magnitude * largest_value / 2),
        exponential(unit_roundoff * (4 + std::abs(exact_lse)) * largest_value / 2),
        lse(unit_roundoff * (std::sqrt(head_dim) * magnitude + 4 * (std::abs(exact_lse) + 1))) {}
};

struct Totals {
  Errors plain_o, plain_lse;
  Errors o, o_without_score, score, lse;  // of one operation

  Bound o_bound() const {
    const double of_one_row =
        score.max / static_cast<double>(std::max<std::int64_t>(1, score.count));
    return {2 * plain_o.max + o.max, 1.5 * plain_o.mean() + o_without_score.mean() + of_one_row};
  }
  double lse_bound() const { return 2 * plain_lse.max + lse.max; }
};

// Of the row with this index in the results. A plain computation that overflows, as f16 scores past
// 65504 do, must not allow everything.
void add_row(const Problem& problem, const RowResults<double>& exact,
             const RowResults<float>& plain, std::int64_t row, const Rounding& rounding,
             Totals& totals) {
  if (std::isfinite(plain.lse[row])) totals.plain_lse.add(error(plain.lse[row], exact.lse[row]));
  totals.lse.add(rounding_error(DType::f32, exact.lse[row]) + rounding.lse);
  totals.score.add(rounding.score);
  for (std::int64_t i = row * problem.head_dim; i < (row + 1) * problem.head_dim; ++i) {
    if (std::isfinite(plain.o[i])) totals.plain_o.add(error(plain.o[i], exact.o[i]));
    const double one = rounding_error(problem.dtype, exact.o[i]) + rounding.exponential;
    totals.o_without_score.add(one);
    totals.o.add(one + rounding.score);
  }
}

}  // namespace

Expected expect(const Problem& problem, const Inputs& inputs, const Rows& rows,
                const Precision& precision) {
  Expected expected{rows, reference_forward(problem, inputs, rows), {}, 0};
  const RowResults<float> plain = precision ? plain_fp8_forward(problem, inputs, rows, *precision)
                                            : plain_forward(problem, inputs, rows);
  const std::vector<Largest> largest = largest_of_heads(problem, inputs);
  const double scale = std::abs(problem.softmax_scale());
  Totals totals;
  for_each_row(rows, [&](std::int64_t index, std::int64_t batch, std::int64_t query) {
    for (std::int64_t h = 0; h < problem.heads; ++h) {
      const std::int64_t row = index * problem.heads + h;
      if (!std::isfinite(expected.reference.lse[row])) continue;
      const std::int64_t kv_head = h / (problem.heads / problem.kv_heads);
      const Largest& head = largest[batch * problem.kv_heads + kv_head];
      const double q_norm =
          norm(inputs.q, problem.dtype, q_offset(problem, batch, query, h), problem.head_dim);
      const double value = head.value * problem.dropout_of(batch, h).scale;
      const Rounding rounding(scale * q_norm * head.key_norm, value,
                              static_cast<double>(problem.head_dim), expected.reference.lse[row]);
      add_row(problem, expected.reference, plain, row, rounding, totals);
    }
  });
  expected.o = totals.o_bound();
  expected.lse_bound = totals.lse_bound();
  return expected;
}

Expected expect(const Problem& problem, const Inputs& inputs, const Precision& precision) {
  return expect(problem, inputs, sample_rows(problem, max_flops), precision);
}

}  // namespace flash
