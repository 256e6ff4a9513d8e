#include "testing/backward_suite.h"

#include <algorithm>
#include <iterator>
#include <sstream>
#include <vector>

#include "bench/backward.h"
#include "diagnosis/gradients.h"
#include "report/summary.h"
#include "testing/kinds.h"

namespace flash {
namespace {

constexpr Terminal page = {.width = 80};
constexpr int max_named = 3;  // failures

std::string indented(const std::string& lines) {
  std::istringstream stream(lines);
  std::string text;
  for (std::string line; std::getline(stream, line);) text += paragraph(page, "     ", line);
  return text;
}

// Mistakes differ where there are many keys, and show where rounding is small.
int tells_little(const TriedGradients& tried) {
  const Problem& p = tried.problem;
  return 16 * (p.dropout > 0) + 8 * p.packed() + 4 * (p.seqlen_k <= 128) + 2 * (p.seqlen_q <= 64) +
         (p.dtype != DType::f32);
}

// The most telling ones, full and causal ones in turn.
std::vector<TriedGradients> telling(std::vector<TriedGradients> tried) {
  constexpr std::size_t count = 3;
  std::ranges::stable_sort(tried, {}, tells_little);
  for (std::size_t i = 1; i < std::min(count, tried.size()); ++i) {
    const bool last = tried[i - 1].problem.causal;
    const auto next = std::find_if(tried.begin() + i, tried.end(), [&](const TriedGradients& t) {
      return t.problem.causal != last;
    });
    if (next != tried.end()) std::rotate(tried.begin() + i, next, next + 1);
  }
  tried.resize(std::min(count, tried.size()));
  return tried;
}

std::string diagnosis(std::vector<TriedGradients> wrong, std::vector<TriedGradients> right) {
  if (wrong.empty()) return "";
  std::vector<TriedGradients> tried = telling(std::move(wrong));
  std::ranges::move(telling(std::move(right)), std::back_inserter(tried));
  const GradientFindings findings = diagnose(tried);
  if (!findings.looks_like.empty())
    return paragraph(page, "  looks like   ",
                     findings.looks_like + " (on " + problem_text(tried[0].problem) + ")");
  return paragraph(page, "  values       ", findings.values);
}

}  // namespace

int examine_backward(const Stage& stage, const std::vector<ConformanceCase>& cases,
                     std::ostream& out) {
  Tallies tallies{};
  std::string failures;
  std::vector<TriedGradients> wrong, right;
  // One thread: a kernel that forgets to add up leaves the same of its blocks each time.
  tile::cpu::Device device(tile::find_gpu("h100"), 1);
  device.set_checked(true);
  for (const auto& [name, problem, seed] : cases) {
    const Inputs inputs = generate_with_gradient(problem, seed);
    ExpectedGradients expected = expect_gradients(problem, inputs);
    BackwardVerdict verdict = run_and_check(stage, device, problem, inputs, expected);
    add(tallies, problem, verdict.passed());
    if (verdict.misuse.empty())
      (verdict.check.passed() ? right : wrong)
          .push_back({problem, inputs, std::move(*verdict.outputs.gradients), std::move(expected),
                      verdict.check});
    if (verdict.passed() || tallies.back().failed > max_named) continue;
    failures += paragraph(page, "  " + std::to_string(tallies.back().failed) + ". ",
                          problem_text(problem) + ", seed " + std::to_string(seed)) +
                indented(describe(verdict));
  }
  const int failed = tallies.back().failed;
  if (failed > 0)
    out << "\n"
        << stage.name << ", backward: " << failed << " of " << cases.size() << " cases fail\n"
        << diagnosis(std::move(wrong), std::move(right)) << kinds_text(tallies) << "\n"
        << failures;
  return failed;
}

}  // namespace flash
