#include "check/gradients.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "check/errors.h"
#include "tile/cpu/parallel.h"

namespace flash {
namespace {

constexpr double max_flops = 2e10;  // of the key heads that are checked, in each precision

double backward_flops(const Problem& p, std::int64_t batch) {
  const Sequence s = p.sequence(batch);
  return 10.0 * static_cast<double>(s.q_length * s.k_length) *
         static_cast<double>(p.head_dim * (p.heads / p.kv_heads));
}

// Half a unit in the last place of x.
double rounding_error(DType dtype, double x) {
  const int smallest_exponent = dtype == DType::f16 ? -14 : -126;
  const int exponent =
      std::isnormal(x) ? std::max(std::ilogb(x), smallest_exponent) : smallest_exponent;
  return std::ldexp(epsilon(dtype) / 2, exponent);
}

struct Totals {
  Errors plain, rounding;
  Bound of_one;

  void add(DType dtype, const std::vector<double>& exact, const std::vector<float>& other,
           const Bound& one) {
    for (std::size_t i = 0; i < exact.size(); ++i) {
      if (std::isfinite(other[i])) plain.add(error(other[i], exact[i]));
      rounding.add(rounding_error(dtype, exact[i]));
    }
    of_one.max = std::max(of_one.max, one.max);
    of_one.mean = std::max(of_one.mean, one.mean);
  }
  Bound bound() const {
    return {2 * plain.max + rounding.max + of_one.max,
            1.5 * plain.mean() + rounding.mean() + of_one.mean};
  }
};

// Which gradient a row of dk and dv belongs to no query sees, and which row of dq sees no key: they
// are 0, and there is no error to allow.
bool is_seen(const Problem& p, const Sequence& s, std::int64_t key) {
  if (s.q_length == 0) return false;
  const KeyRange of_last = visible_keys(p, s, s.q_length - 1);
  return key < of_last.end;
}

void require_size(const Problem& problem, const char* name, const Buffer& buffer,
                  std::int64_t elements) {
  const auto actual = static_cast<std::int64_t>(buffer.size()) / size_in_bytes(problem.dtype);
  if (actual != elements)
    throw BadInput(std::string(name) + ": has " + std::to_string(actual) + " elements, expected " +
                   std::to_string(elements));
}

struct Comparison {
  GradientErrors to;
  Errors errors = {};
  double worst = -1;

  void add(const Place& place, bool is_zero) {
    const double e = error(place.actual, place.expected);
    const bool is_wrong = !(e <= (is_zero ? 0 : to.bound.max));
    ++to.count;
    to.wrong += is_wrong;
    errors.add(e);
    if (is_wrong && e > worst) {
      worst = e;
      to.worst = place;
    }
  }
  GradientErrors result() const {
    GradientErrors all = to;
    all.max = errors.max;
    all.mean = errors.mean();
    return all;
  }
};

std::string text(const char* format, auto... values) {
  char buffer[256];
  std::snprintf(buffer, sizeof buffer, format, values...);
  return buffer;
}

std::string wrong_of(const char* name, const GradientErrors& errors) {
  if (errors.passed()) return "";
  if (errors.wrong == 0) return text("\n  the mean error of %s is too large", name);
  const Place& at = errors.worst;
  return text("\n  %s[batch %lld, row %lld, head %lld, column %lld] is %.9g, expected %.9g", name,
              static_cast<long long>(at.batch), static_cast<long long>(at.row),
              static_cast<long long>(at.head), static_cast<long long>(at.column), at.actual,
              at.expected) +
         text("; %lld of %lld wrong (%.3g %%)", static_cast<long long>(errors.wrong),
              static_cast<long long>(errors.count),
              100 * static_cast<double>(errors.wrong) / static_cast<double>(errors.count));
}

}  // namespace

std::vector<KeyHead> sample_key_heads(const Problem& p, double budget) {
  std::vector<KeyHead> all;
  double flops = 0;
  for (std::int64_t batch = 0; batch < p.batch; ++batch)
    for (std::int64_t head = 0; head < p.kv_heads; ++head) {
      all.push_back({batch, head});
      flops += backward_flops(p, batch);
    }
  if (flops <= budget) return all;
  const auto share = static_cast<std::size_t>(static_cast<double>(all.size()) * budget / flops);
  const std::size_t count = std::clamp<std::size_t>(share, 1, all.size());
  std::vector<KeyHead> some;
  for (std::size_t i = 0; i < count; ++i)
    some.push_back(all[count == 1 ? 0 : i * (all.size() - 1) / (count - 1)]);
  return some;
}

ExpectedGradients expect_gradients(const Problem& problem, const Inputs& inputs) {
  ExpectedGradients expected{sample_key_heads(problem, max_flops), {}, {}, {}, {}};
  const std::size_t count = expected.heads.size();
  expected.reference.resize(count);
  std::vector<HeadGradients<float>> plain(count);
  std::vector<GradientRounding> rounding(count);
  tile::cpu::parallel_for(static_cast<std::int64_t>(count), 1e9, [&](std::int64_t i) {
    expected.reference[i] = reference_backward(problem, inputs, expected.heads[i], &rounding[i]);
    plain[i] = plain_backward(problem, inputs, expected.heads[i]);
  });
  Totals dq, dk, dv;
  for (std::size_t i = 0; i < count; ++i) {
    dq.add(problem.dtype, expected.reference[i].dq, plain[i].dq, rounding[i].dq);
    dk.add(problem.dtype, expected.reference[i].dk, plain[i].dk, rounding[i].dk);
    dv.add(problem.dtype, expected.reference[i].dv, plain[i].dv, rounding[i].dv);
  }
  expected.dq = dq.bound();
  expected.dk = dk.bound();
  expected.dv = dv.bound();
  return expected;
}

GradientCheck check(const Problem& p, const ExpectedGradients& expected,
                    const Gradients& gradients) {
  require_size(p, "dq", gradients.dq, q_elements(p));
  require_size(p, "dk", gradients.dk, k_elements(p));
  require_size(p, "dv", gradients.dv, k_elements(p));
  const std::int64_t d = p.head_dim, group = p.heads / p.kv_heads;
  Comparison dq{{.bound = expected.dq}}, dk{{.bound = expected.dk}}, dv{{.bound = expected.dv}};
  for (std::size_t i = 0; i < expected.heads.size(); ++i) {
    const auto& [batch, kv_head] = expected.heads[i];
    const HeadGradients<double>& reference = expected.reference[i];
    const Sequence s = p.sequence(batch);
    const auto add_row = [&](Comparison& to, const Buffer& actual, const double* exact,
                             std::int64_t token, std::int64_t heads, const Place& row,
                             bool is_zero) {
      for (std::int64_t c = 0; c < d; ++c) {
        Place place = row;
        place.column = c;
        place.expected = exact[c];
        place.actual = element(actual, p.dtype, (token * heads + row.head) * d + c);
        to.add(place, is_zero);
      }
    };
    for (std::int64_t g = 0; g < group; ++g)
      for (std::int64_t row = 0; row < s.q_length; ++row)
        add_row(dq, gradients.dq, &reference.dq[(g * s.q_length + row) * d], s.q_begin + row,
                p.heads, {batch, kv_head * group + g, row}, visible_keys(p, s, row).size() == 0);
    for (std::int64_t row = 0; row < s.k_length; ++row) {
      const Place place{batch, kv_head, row};
      const bool is_zero = !is_seen(p, s, row);
      add_row(dk, gradients.dk, &reference.dk[row * d], s.k_begin + row, p.kv_heads, place,
              is_zero);
      add_row(dv, gradients.dv, &reference.dv[row * d], s.k_begin + row, p.kv_heads, place,
              is_zero);
    }
  }
  return {dq.result(), dk.result(), dv.result(), static_cast<std::int64_t>(expected.heads.size()),
          p.batch * p.kv_heads};
}

std::string describe(const GradientCheck& r) {
  const auto errors = [](const char* name, const GradientErrors& of) {
    return text("%s max error %.2e (bound %.2e), mean %.2e (%.2e); ", name, of.max, of.bound.max,
                of.mean, of.bound.mean);
  };
  std::string lines = std::string(r.passed() ? "passed: " : "FAILED: ") + errors("dQ", r.dq) +
                      errors("dK", r.dk) + errors("dV", r.dv);
  lines += r.heads_checked == r.heads_total
               ? "all"
               : text("%lld of", static_cast<long long>(r.heads_checked));
  lines += text(" %lld key heads checked", static_cast<long long>(r.heads_total));
  return lines + wrong_of("dQ", r.dq) + wrong_of("dK", r.dk) + wrong_of("dV", r.dv);
}

}  // namespace flash
