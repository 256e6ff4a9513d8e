#include "bench/cases/entry.h"

#include <algorithm>
#include <limits>

#include "bench/backward.h"
#include "bench/cached_inputs.h"
#include "bench/verdict.h"
#include "check/generator.h"
#include "diagnosis/diagnosis.h"
#include "stages/execute.h"
#include "tile/error.h"

namespace flash {
namespace {

// Of the rows that are checked; a fifth of a second's work at most.
constexpr double check_flops = 2e9;

Expected expect_cheaply(const Problem& problem, const Inputs& inputs, const Precision& precision) {
  return expect(problem, inputs, sample_rows(problem, check_flops), precision);
}

}  // namespace

Entry::Entry(const Case& c, const std::vector<Stage>& stages, std::uint64_t seed)
    : stage_(find_stage(c.stage, stages)),
      backward_(c.backward),
      problem_(c.problem),
      device_(tile::find_gpu("h100"), c.threads) {
  validate(problem_);
  inputs_ = c.inputs ? *c.inputs : generate(problem_, seed, stage_.fp8);
  if (c.cache) round_for_cache(problem_, c.cache->dtype, inputs_);
  try {
    if (backward_)
      check_backward(seed);
    else if (c.cache)
      check_cached(*c.cache, seed);
    else
      check_plain();
  } catch (const tile::TileError& error) {
    failure_ = error.what();
    check_.max_abs_error = std::numeric_limits<double>::infinity();
  }
}

void Entry::check_plain() {
  const Expected expected = expect_cheaply(problem_, inputs_, stage_.fp8);
  Verdict verdict = run_and_check(stage_, device_, problem_, inputs_, expected);
  if (verdict.misuse.empty())
    diagnose(problem_, inputs_, verdict.outputs, verdict.check, traits_of(stage_));
  failure_ = describe(verdict);
  check_ = verdict.check;
  outputs_ = std::move(verdict.outputs);
  args_ = make_args(problem_, inputs_, outputs_);
}

// The gradients of some key heads. The error that is kept is the one that comes nearest to its
// bound.
void Entry::check_backward(std::uint64_t seed) {
  if (!stage_.backward())
    throw BadInput("backward", "of " + std::string(stage_.name), "a stage that has one");
  if (inputs_.d_o.empty()) inputs_.d_o = generate_gradient(problem_, seed);
  const ExpectedGradients expected = expect_gradients(problem_, inputs_);
  BackwardVerdict verdict = run_and_check(stage_, device_, problem_, inputs_, expected);
  name_mistake(problem_, inputs_, expected, verdict);
  failure_ = describe(verdict);
  const GradientCheck& found = verdict.check;
  const GradientErrors& worst = std::max(
      {found.dq, found.dk, found.dv},
      [](const auto& a, const auto& b) { return a.max * b.bound.max < b.max * a.bound.max; });
  check_.passed = failure_.empty();
  check_.max_abs_error = worst.max;
  check_.error_bound = worst.bound.max;
  if (!verdict.misuse.empty()) return;
  outputs_ = std::move(verdict.outputs);
  args_ = make_backward_args(problem_, inputs_, outputs_);
  stage_.forward(device_, args_);
}

// The keys and values are large, and not needed any more once the cache has them.
void Entry::check_cached(const CacheKind& kind, std::uint64_t seed) {
  const Expected expected = expect_cheaply(problem_, inputs_, {});
  cache_ = filled_cache(problem_, inputs_, kind.dtype, kind.page_size, seed);
  outputs_ = unwritten_outputs(problem_);
  args_ = with_cache(make_args(problem_, inputs_, outputs_), cache_);
  inputs_.k = inputs_.v = {};
  run();
  check_ = flash::check(problem_, expected, outputs_);
  if (!check_.passed) failure_ = describe(check_);
}

}  // namespace flash
