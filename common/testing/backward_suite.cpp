#include "testing/backward_suite.h"

#include <sstream>

#include "bench/backward.h"
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

}  // namespace

int examine_backward(const Stage& stage, const std::vector<ConformanceCase>& cases,
                     std::ostream& out) {
  Tallies tallies{};
  std::string failures;
  tile::cpu::Device device;
  device.set_checked(true);
  for (const auto& [name, problem, seed] : cases) {
    const Inputs inputs = generate_with_gradient(problem, seed);
    const BackwardVerdict verdict =
        run_and_check(stage, device, problem, inputs, expect_gradients(problem, inputs));
    add(tallies, problem, verdict.passed());
    if (verdict.passed() || tallies.back().failed > max_named) continue;
    failures += paragraph(page, "  " + std::to_string(tallies.back().failed) + ". ",
                          problem_text(problem) + ", seed " + std::to_string(seed)) +
                indented(describe(verdict));
  }
  const int failed = tallies.back().failed;
  if (failed > 0)
    out << "\n"
        << stage.name << ", backward: " << failed << " of " << cases.size() << " cases fail\n"
        << kinds_text(tallies) << "\n"
        << failures;
  return failed;
}

}  // namespace flash
