#include "diagnosis/candidates.h"

#include <algorithm>
#include <cstdio>
#include <functional>
#include <limits>
#include <list>
#include <vector>

#include "diagnosis/fit.h"

namespace flash {
namespace {

constexpr std::int64_t tiles[] = {64, 128, 32, 16, 256};
constexpr double screen_flops = 6e6, verify_flops = 1e8;  // of a candidate
constexpr std::size_t max_failures = 3, max_successes = 3;

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

// Of candidates that explain an output: those that do up to rounding, if there are any; and of
// these those that explain LSE as well, and have the kernel's own tiles.
class Explaining {
 public:
  void add(Candidate candidate, const Fit& found) {
    candidate.distance = found.distance;
    candidate.from_right = found.from_right;
    candidate.fits_lse = found.fits_lse;
    if (found.is_close())
      (found.is_exact() ? exact_ : close_).push_back(std::move(candidate));
    else if (found.is_open())
      open_.push_back(std::move(candidate));
  }

  std::vector<Candidate> best() const {
    std::vector<Candidate> best = !exact_.empty()   ? exact_
                                  : !close_.empty() ? nearest(close_)
                                                    : open_;
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

  std::vector<Candidate> exact_, close_, open_;
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
  std::list<WrongOutput> outputs;
  for (const Tried* one : failures) outputs.emplace_back(*one, kernel, of_lse);
  outputs.remove_if([](const WrongOutput& output) { return !output.tells(); });
  if (outputs.empty()) return "";
  auto first = outputs.begin();  // that says which mistakes it may be
  std::vector<Candidate> candidates = screen(*first);
  while (candidates.empty() && std::next(first) != outputs.end()) candidates = screen(*++first);
  if (!candidates.empty()) narrow(candidates, *first);
  const std::vector<Candidate> found = candidates;
  for (auto output = outputs.begin(); output != outputs.end() && !candidates.empty(); ++output)
    if (output != first) narrow(candidates, *output);
  for (const Tried* one : successes)
    if (!candidates.empty()) spare(candidates, WrongOutput(*one, kernel, of_lse));
  const std::string name = names(candidates, first->setting);
  if (name.empty()) return "";
  const auto same = std::ranges::find(found, candidates.front().name, &Candidate::name);
  char numbers[100];
  std::snprintf(numbers, sizeof numbers, "; rms distance from that %.1e, from what is right %.1e",
                same->distance, same->from_right);
  return name + numbers;
}

}  // namespace flash
