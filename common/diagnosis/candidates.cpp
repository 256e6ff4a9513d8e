#include "diagnosis/candidates.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>
#include <limits>
#include <vector>

#include "check/errors.h"
#include "diagnosis/wrong_output.h"

namespace flash {
namespace {

constexpr std::int64_t tiles[] = {64, 128, 32, 16, 256};
constexpr double screen_flops = 6e6, verify_flops = 1e8;  // of a candidate
constexpr std::size_t max_failures = 3, max_successes = 3;

// A mistake, and a number of keys a tile where it depends on one.
struct Candidate {
  const Mistake* mistake;
  std::int64_t tile;  // 0: that of the kernel's plan
  Sweep sweep;
  std::string name;
  double distance = 0, from_right = 0;  // root mean square, on the first output
  bool fits_lse = false;

  std::int64_t tile_of(const Setting& setting) const {
    return tile == 0 ? setting.plan.tiles.key_rows : tile;
  }
};

std::vector<Candidate> all_candidates(const Setting& setting) {
  std::vector<Candidate> candidates;
  for (const Mistake* mistake : mistakes()) {
    const std::string name(mistake->name);
    if (mistake->applies && !mistake->applies(setting)) continue;
    candidates.push_back({mistake, 0, Sweep::row, name});
    for (const Sweep sweep : {Sweep::tile, Sweep::all})
      if (mistake->swept) candidates.push_back({mistake, 0, sweep, name});
    for (const std::int64_t tile : tiles)
      if (mistake->tiled && tile != setting.plan.tiles.key_rows)
        candidates.push_back({mistake, tile, Sweep::row, name});
  }
  return candidates;
}

double root_mean_square(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += std::pow(error(a[i], b[i]), 2);
  return std::sqrt(sum / static_cast<double>(std::max<std::size_t>(1, a.size())));
}

double largest(const std::vector<double>& values) {
  return values.empty() ? 0 : *std::ranges::max_element(values);
}

// How well a candidate's result fits an output, on some of its rows. Rounding may do the bound to a
// row, more if its values are larger than right. Only rows wrong by several times that tell.
struct Fit {
  std::size_t telling = 0;  // rows
  std::size_t exact = 0;    // of these, explained up to rounding
  std::size_t close = 0;    // up to a few percent of what is wrong
  double moved = 0;         // the largest difference of the candidate from the right result
  double distance = 0, from_right = 0;
  bool fits_lse = false, refuted = false;  // refuted: by a number where it has none, or the reverse
  bool is_exact() const { return telling > 0 && share(exact) >= 0.98; }
  bool is_close() const { return telling > 0 && !refuted && share(close) >= 0.98; }

 private:
  double share(std::size_t part) const {
    return static_cast<double>(part) / static_cast<double>(telling);
  }
};

struct Sample {
  const WrongOutput& output;
  Rows rows;
  RowResults<double> actual, right;

  Sample(const WrongOutput& from, double max_flops, std::size_t most)
      : output(from),
        rows(from.some_rows(count(from.tried.problem, max_flops, most))),
        actual(part_of(from.actual, from, rows)),
        right(part_of(from.right, from, rows)) {}

  // Of rows that take at most so many FLOPs, if four do.
  static std::size_t count(const Problem& p, double max_flops, std::size_t most) {
    const auto of_row = static_cast<double>(4 * p.heads * p.head_dim * p.seqlen_k + 1);
    return std::clamp<std::size_t>(static_cast<std::size_t>(max_flops / of_row), 4, most);
  }
};

Fit fit(const Sample& sample, const Candidate& candidate) {
  const WrongOutput& output = sample.output;
  const RowResults<double> wrong = output.with(*candidate.mistake, sample.rows,
                                               candidate.tile_of(output.setting), candidate.sweep);
  const auto &a = output.of(sample.actual), &r = output.of(sample.right), &w = output.of(wrong);
  const std::vector<double> zeros(w.size()),
      from_right = output.row_errors(a, r), moved = output.row_errors(w, r),
      distance = output.row_errors(a, w), size = output.row_errors(w, zeros),
      actual_size = output.row_errors(a, zeros), right_size = output.row_errors(r, zeros);
  // Rows that see no key, where the mistake is about keys; and NaN, in which any may end.
  const auto tells_nothing = [&](std::size_t row) {
    return (!std::isfinite(sample.right.lse[row]) && moved[row] == 0) ||
           (!std::isfinite(actual_size[row]) && !std::isfinite(size[row]));
  };
  Fit result;
  for (std::size_t row = 0; row < moved.size(); ++row) {
    const double growth = right_size[row] > 0 ? std::max(1.0, size[row] / right_size[row]) : 1;
    const double rounding = output.bound() * (std::isfinite(growth) ? growth : 1);
    const double difference = std::max(from_right[row], moved[row]);
    if (!(difference > 2.5 * rounding) || tells_nothing(row)) continue;
    ++result.telling;
    result.refuted |= !std::isfinite(distance[row]);
    const double most = std::min(0.4 * difference, 0.25 * actual_size[row]);
    result.exact += distance[row] <= std::min(1.2 * rounding, most);
    result.close += distance[row] <= std::min(2 * rounding + 0.05 * difference, most);
  }
  result.moved = largest(moved);
  result.distance = root_mean_square(a, w);
  result.from_right = root_mean_square(a, r);
  result.fits_lse = root_mean_square(sample.actual.lse, wrong.lse) <=
                    0.05 * root_mean_square(sample.actual.lse, sample.right.lse) +
                        output.tried.check.lse_error_bound;
  return result;
}

// LSE mistakes leave O as it is, so they explain nothing where O is wrong; and the others, which
// change O, do not where it is right.
bool changes_o(const Sample& sample, const Candidate& candidate) {
  const WrongOutput& output = sample.output;
  const RowResults<double> wrong = output.with(*candidate.mistake, sample.rows,
                                               candidate.tile_of(output.setting), candidate.sweep);
  double most = 0;
  for (std::size_t i = 0; i < wrong.o.size(); ++i)
    most = std::max(most, error(wrong.o[i], sample.right.o[i]));
  return !(most <= 2 * output.tried.check.error_bound);
}

// Of candidates that explain an output: those that do up to rounding, if there are any; and of
// these those that explain LSE as well, and have the kernel's own tiles.
class Explaining {
 public:
  void add(Candidate candidate, const Fit& found) {
    candidate.distance = found.distance;
    candidate.from_right = found.from_right;
    candidate.fits_lse = found.fits_lse;
    if (found.is_close()) (found.is_exact() ? exact_ : close_).push_back(std::move(candidate));
  }

  std::vector<Candidate> best() const {
    std::vector<Candidate> best = exact_.empty() ? nearest(close_) : exact_;
    prefer(best, [](const Candidate& c) { return c.fits_lse; });
    prefer(best, [](const Candidate& c) { return c.tile == 0; });
    return best;
  }

 private:
  // Up to a few percent of a large difference, two may fit that have nothing in common.
  static std::vector<Candidate> nearest(std::vector<Candidate> candidates) {
    double least = std::numeric_limits<double>::infinity();
    for (const Candidate& candidate : candidates) least = std::min(least, candidate.distance);
    std::erase_if(candidates, [&](const Candidate& c) { return c.distance > 10 * least; });
    return candidates;
  }

  static void prefer(std::vector<Candidate>& candidates, bool (*is_better)(const Candidate&)) {
    if (std::ranges::any_of(candidates, is_better))
      std::erase_if(candidates, std::not_fn(is_better));
  }

  std::vector<Candidate> exact_, close_;
};

std::vector<Candidate> screen(const WrongOutput& output) {
  const Sample sample(output, screen_flops, 24);
  Explaining explaining;
  for (const Candidate& candidate : all_candidates(output.setting)) {
    const Fit found = fit(sample, candidate);
    if (found.is_close() && !(output.of_lse && changes_o(sample, candidate)))
      explaining.add(candidate, found);
  }
  return explaining.best();
}

// Leaves those candidates that explain this output as well.
void narrow(std::vector<Candidate>& candidates, const WrongOutput& output) {
  const Sample sample(output, verify_flops, 200);
  Explaining explaining;
  for (const Candidate& candidate : candidates)
    if (!candidate.mistake->applies || candidate.mistake->applies(output.setting))
      explaining.add(candidate, fit(sample, candidate));
  candidates = explaining.best();
}

// Leaves those candidates that would have passed, as this output does.
void spare(std::vector<Candidate>& candidates, const WrongOutput& passed) {
  const Sample sample(passed, screen_flops, 24);
  std::erase_if(candidates, [&](const Candidate& candidate) {
    if (candidate.mistake->applies && !candidate.mistake->applies(passed.setting)) return false;
    return fit(sample, candidate).moved > 4 * passed.bound();
  });
}

// Each name once, and the tile on which they agree.
std::string names(const std::vector<Candidate>& candidates, const Setting& setting) {
  constexpr std::size_t most = 3;
  std::vector<std::string> seen;
  std::string text, tile;
  for (const Candidate& candidate : candidates) {
    if (std::ranges::find(seen, candidate.name) != seen.end()) continue;
    seen.push_back(candidate.name);
    text += (text.empty() ? "" : ", or ") + candidate.name;
    if (candidate.mistake->tiled && tile.empty())
      tile = " (tiles of " + std::to_string(candidate.tile_of(setting)) + " keys)";
  }
  return seen.size() > most ? "" : text + tile;
}

}  // namespace

std::string explain(std::span<const Tried> tried, const KernelTraits& kernel) {
  std::vector<const Tried*> failures, successes;
  const bool of_lse = std::ranges::all_of(tried, [](const Tried& t) { return t.check.o_passed; });
  for (const Tried& one : tried) {
    const bool passed = of_lse ? one.check.passed : one.check.o_passed;
    auto& list = passed ? successes : failures;
    if (list.size() < (passed ? max_successes : max_failures)) list.push_back(&one);
  }
  if (failures.empty()) return "";
  const WrongOutput first(*failures.front(), kernel, of_lse);
  std::vector<Candidate> candidates = screen(first);
  if (!candidates.empty()) narrow(candidates, first);
  const std::vector<Candidate> found = candidates;
  for (std::size_t i = 1; i < failures.size() && !candidates.empty(); ++i)
    narrow(candidates, WrongOutput(*failures[i], kernel, of_lse));
  for (const Tried* one : successes)
    if (!candidates.empty()) spare(candidates, WrongOutput(*one, kernel, of_lse));
  const std::string name = names(candidates, first.setting);
  if (name.empty()) return "";
  const auto same = std::ranges::find(found, candidates.front().name, &Candidate::name);
  char numbers[100];
  std::snprintf(numbers, sizeof numbers, "; rms distance from that %.1e, from what is right %.1e",
                same->distance, same->from_right);
  return name + numbers;
}

}  // namespace flash
