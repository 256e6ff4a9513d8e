#include "diagnosis/gradients.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <set>
#include <vector>

#include "check/errors.h"
#include "diagnosis/gradient_mistakes.h"

namespace flash {
namespace {

constexpr double max_flops = 3e8;  // of a mistake's gradients

struct OfTensor {
  const char* name;
  std::vector<double> HeadGradients<double>::*values;
  GradientErrors GradientCheck::*errors;
  Bound ExpectedGradients::*bound;
};

constexpr OfTensor tensors[] = {
    {"dQ", &HeadGradients<double>::dq, &GradientCheck::dq, &ExpectedGradients::dq},
    {"dK", &HeadGradients<double>::dk, &GradientCheck::dk, &ExpectedGradients::dk},
    {"dV", &HeadGradients<double>::dv, &GradientCheck::dv, &ExpectedGradients::dv}};

// One key head of a problem: what was computed, and what is right.
struct Part {
  const TriedGradients* from;
  KeyHead head;
  HeadGradients<double> actual;
  const HeadGradients<double>* right;
};

HeadGradients<double> gather(const Problem& p, const Gradients& gradients, const KeyHead& of) {
  const Sequence s = p.sequence(of.batch);
  const std::int64_t group = p.heads / p.kv_heads;
  HeadGradients<double> result;
  const auto append = [&](std::vector<double>& to, const Buffer& from, std::int64_t begin,
                          std::int64_t rows, std::int64_t heads, std::int64_t head) {
    Matrix<double> values(rows, p.head_dim);
    load<double>(from, p.dtype, begin, heads, head, values);
    to.insert(to.end(), values.data(), values.data() + values.size());
  };
  for (std::int64_t head = of.kv_head * group; head < (of.kv_head + 1) * group; ++head)
    append(result.dq, gradients.dq, s.q_begin, s.q_length, p.heads, head);
  append(result.dk, gradients.dk, s.k_begin, s.k_length, p.kv_heads, of.kv_head);
  append(result.dv, gradients.dv, s.k_begin, s.k_length, p.kv_heads, of.kv_head);
  return result;
}

// The largest key head that can be recomputed, and one of the last sequence and head.
std::vector<Part> parts_of(const TriedGradients& tried) {
  const Problem& p = tried.problem;
  std::vector<Part> parts;
  for (const bool from_end : {false, true}) {
    for (std::size_t i = 0; i < tried.expected.heads.size(); ++i) {
      const std::size_t at = from_end ? tried.expected.heads.size() - 1 - i : i;
      const KeyHead& head = tried.expected.heads[at];
      const Sequence s = p.sequence(head.batch);
      const double flops = 10.0 * static_cast<double>(s.q_length * s.k_length * p.head_dim) *
                           static_cast<double>(p.heads / p.kv_heads);
      if (flops == 0 || flops > max_flops) continue;
      parts.push_back(
          {&tried, head, gather(p, tried.gradients, head), &tried.expected.reference[at]});
      break;
    }
    if (tried.expected.heads.size() < 2) break;
  }
  return parts;
}

double largest(const std::vector<double>& values) {
  double result = 0;
  for (const double x : values)
    if (std::isfinite(x)) result = std::max(result, std::abs(x));
  return result;
}

// By how much more the gradients of a mistake may be rounded than the right ones: as they are
// larger, or P is, what cancels in them and the arguments of the exponentials are.
double amplification(const MistakenGradients& mistaken, const HeadGradients<double>& right) {
  double result = std::min(mistaken.largest_weight, 1e30);
  for (const OfTensor& of : tensors)
    result =
        std::max(result, largest(mistaken.*of.values) / std::max(largest(right.*of.values), 1e-30));
  return result < 2 ? 1 : 8 * result;
}

// Whether two gradients are the same but for rounding, and for what overflows in fp32.
bool is_same(const std::vector<double>& a, const std::vector<double>& b, double allowed) {
  std::size_t different = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const bool both_overflow = !std::isfinite(a[i]) && !(std::abs(b[i]) < 1e37);
    different += !both_overflow && !(error(a[i], b[i]) <= allowed);
  }
  return 1000 * different <= a.size();
}

bool explains(const Part& part, const MistakenGradients& mistaken) {
  const double more = amplification(mistaken, *part.right);
  return std::ranges::all_of(tensors, [&](const OfTensor& of) {
    return is_same(part.actual.*of.values, mistaken.*of.values,
                   more * (part.from->expected.*of.bound).max);
  });
}

// Whether the mistake would not show in what is right.
bool changes_nothing(const Part& part, const MistakenGradients& mistaken) {
  return std::ranges::all_of(tensors, [&](const OfTensor& of) {
    return is_same(part.right->*of.values, mistaken.*of.values,
                   4 * (part.from->expected.*of.bound).max);
  });
}

bool fits(const GradientMistake& mistake, const std::vector<Part>& wrong,
          const std::vector<Part>& right, TileShape (*tiles)(int)) {
  const auto mistaken = [&](const Part& part) {
    const Problem& p = part.from->problem;
    return backward_with_mistake(p, part.from->inputs, part.head,
                                 tiles(padded_head_dim(p.head_dim)), mistake);
  };
  bool shows = false;
  for (const Part& part : wrong) {
    const MistakenGradients result = mistaken(part);
    if (!explains(part, result)) return false;
    shows |= !changes_nothing(part, result);
  }
  return shows && std::ranges::all_of(right, [&](const Part& part) {
           return changes_nothing(part, mistaken(part));
         });
}

// The factor that makes `actual` of `right`, if there is one.
double factor_of(const std::vector<double>& actual, const std::vector<double>& right) {
  double products = 0, squares = 0;
  for (std::size_t i = 0; i < right.size(); ++i) {
    products += actual[i] * right[i];
    squares += right[i] * right[i];
  }
  const double factor = products / squares;
  double difference = 0;
  for (std::size_t i = 0; i < right.size(); ++i)
    difference = std::max(difference, error(actual[i], factor * right[i]));
  return difference <= 0.01 * std::abs(factor) * largest(right) ? factor : 0;
}

// Which rows of a gradient [heads, rows, d] are wrong, if that can be said in a few words.
std::string wrong_rows(const std::vector<double>& actual, const std::vector<double>& right,
                       std::int64_t rows, std::int64_t d, double bound) {
  std::set<std::int64_t> wrong;
  for (std::size_t i = 0; i < right.size(); ++i)
    if (!(error(actual[i], right[i]) <= bound))
      wrong.insert(static_cast<std::int64_t>(i) / d % rows);
  if (wrong.empty() || static_cast<std::int64_t>(wrong.size()) == rows) return "";
  const std::int64_t first = *wrong.begin(), last = *wrong.rbegin();
  if (first == last) return ", only in row " + std::to_string(first);
  if (first > 0 && last == rows - 1) return ", only from row " + std::to_string(first) + " on";
  if (first == 0 && last < rows - 1) return ", only up to row " + std::to_string(last);
  return "";
}

// What one wrong gradient is.
std::string values_of(const Part& part, const OfTensor& of) {
  const std::vector<double>&actual = part.actual.*of.values, &right = part.right->*of.values;
  const auto all = [&](auto is) { return std::ranges::all_of(actual, is); };
  const std::string name = of.name;
  if (actual.empty()) return name + " is wrong";
  if (all([](double x) { return std::isnan(x); })) return "every element of " + name + " is NaN";
  if (all([](double x) { return x == 0; })) return "every element of " + name + " is 0";
  const double factor = factor_of(actual, right);
  if (factor != 0 && std::abs(factor - 1) > 0.01) {
    char text[64];
    std::snprintf(text, sizeof text, " is %.3g times what it should be", factor);
    return name + text;
  }
  const Sequence s = part.from->problem.sequence(part.head.batch);
  const std::int64_t rows = name == "dQ" ? s.q_length : s.k_length;
  return name + " is wrong" +
         wrong_rows(actual, right, rows, part.from->problem.head_dim,
                    (part.from->expected.*of.bound).max);
}

}  // namespace

GradientFindings diagnose(std::span<const TriedGradients> tried, TileShape (*tiles)(int)) {
  std::vector<Part> wrong, right;
  for (const TriedGradients& each : tried) {
    std::vector<Part>& to = each.check.passed() ? right : wrong;
    for (Part& part : parts_of(each)) to.push_back(std::move(part));
  }
  if (wrong.empty()) return {};
  GradientFindings findings;
  const Part& first = wrong.front();
  for (const OfTensor& of : tensors)
    if (!(first.from->check.*of.errors).passed())
      findings.values += (findings.values.empty() ? "" : "; ") + values_of(first, of);
  std::vector<std::string> names;
  for (const auto mistakes :
       {gradient_mistakes(), gradient_mistakes_of_dropout(), gradient_mistakes_of_roles()})
    for (const GradientMistake& mistake : mistakes)
      if (std::ranges::find(names, mistake.name) == names.end() &&
          fits(mistake, wrong, right, tiles))
        names.emplace_back(mistake.name);
  if (names.size() == 1) findings.looks_like = names[0];
  if (names.size() == 2) findings.looks_like = names[0] + ", or " + names[1];
  return findings;
}

}  // namespace flash
