#include "testing/suite.h"

#include <algorithm>
#include <cstdlib>
#include <sstream>

#include "bench/verdict.h"
#include "check/generator.h"
#include "diagnosis/conditions.h"
#include "diagnosis/diagnosis.h"
#include "report/summary.h"
#include "testing/kinds.h"
#include "testing/watch.h"

namespace flash {
namespace {

constexpr Terminal page = {.width = 80};
constexpr int max_named = 3;  // failures

// A table as it is; it is narrower by as much.
std::string beside(const std::string& table) {
  std::istringstream stream(table);
  std::string text;
  for (std::string line; std::getline(stream, line);) text += "     " + line + "\n";
  return text;
}

bool is_verbose() {
  const char* verbose = std::getenv("ATTENTION_VERBOSE");
  return verbose != nullptr && *verbose != '\0';
}

Verdict run(const Stage& stage, const ConformanceCase& test, const Inputs& inputs,
            bool is_shown = false) {
  tile::cpu::Device device;
  device.set_checked(true);
  Verdict verdict =
      run_and_check(stage, device, test.problem, inputs, expect(test.problem, inputs, stage.fp8));
  return is_shown ? shortest(stage, device, test.problem, inputs, std::move(verdict)) : verdict;
}

// Mistakes differ where there are many keys, and show where rounding is small; places show where
// there are many rows, and sequences of one length.
int tells_little(const ConformanceCase* test) {
  const Problem& p = test->problem;
  const bool is_shifted = test->seed % 8 > 1;  // scores, see check/generator.h
  const bool is_small = p.seqlen_k <= 128 || p.dtype != DType::f32;
  return 8 * p.packed() + 4 * is_small + 2 * (p.seqlen_q <= 64) + is_shifted;
}

// A few of the cases, full and causal ones in turn.
std::vector<const ConformanceCase*> telling(std::vector<const ConformanceCase*> cases) {
  constexpr std::size_t count = 3;  // each takes a fraction of a second
  std::ranges::stable_sort(cases, {}, tells_little);
  std::vector<const ConformanceCase*> chosen;
  while (chosen.size() < count && !cases.empty()) {
    const bool last = !chosen.empty() && chosen.back()->problem.causal;
    auto next = std::ranges::find_if(cases, [&](const ConformanceCase* test) {
      return !chosen.empty() && test->problem.causal != last;
    });
    if (next == cases.end()) next = cases.begin();
    chosen.push_back(*next);
    cases.erase(next);
  }
  return chosen;
}

// The elements that two outputs have room for are the same: one may have been kept and given again.
bool is_copy(const Buffer& o, const Buffer& last) {
  const std::size_t size = std::min(o.size(), last.size());
  if (size < 64) return false;
  const bool is_constant = std::equal(last.begin() + 4, last.begin() + size, last.begin());
  return !is_constant && std::equal(o.begin(), o.begin() + size, last.begin());
}

std::string lengths(const Problem& p) {
  return " (of " + std::to_string(p.seqlen_q) + " queries x " + std::to_string(p.seqlen_k) +
         " keys" + (p.causal ? ", causal" : "") + (p.packed() ? ", packed" : "") + ")";
}

struct Cases {
  std::vector<const ConformanceCase*> wrong;  // outputs
  std::vector<const ConformanceCase*> right;
  std::vector<Outcome> outcomes;  // with counters and misuse
  std::string misuse;             // of the first case that it stopped
  int stopped = 0;                // by misuse
  int copies = 0;                 // wrong outputs that are those of the case before
};

// What the wrong outputs look like, or what is wrong with them; and what fails.
std::string diagnosis(const Stage& stage, const Cases& cases) {
  if (cases.copies > 1)
    return paragraph(page, "  looks like   ", "O is the output of the case before");
  std::vector<Tried> tried;
  for (const auto& list : {telling(cases.wrong), telling(cases.right)})
    for (const ConformanceCase* test : list) {
      Inputs inputs = generate(test->problem, test->seed, stage.fp8);
      Verdict verdict = run(stage, *test, inputs);
      if (!verdict.misuse.empty()) continue;  // another order of blocks: there are no outputs
      tried.push_back(
          {test->problem, std::move(inputs), std::move(verdict.outputs), verdict.check});
    }
  const Findings findings =
      cases.wrong.empty() || tried.empty() ? Findings{} : diagnose(tried, traits_of(stage));
  const std::string on = tried.empty() ? "" : " (on " + problem_text(tried.front().problem) + ")";
  if (!findings.looks_like.empty())
    return paragraph(page, "  looks like   ", findings.looks_like + on);
  std::string text;
  if (!findings.where.empty())
    text += paragraph(page, "  wrong are    ", findings.where + lengths(tried.front().problem));
  if (!findings.values.empty()) text += paragraph(page, "  values       ", findings.values);
  if (cases.stopped > 0 && !cases.wrong.empty())  // what is described first may be an output
    text += paragraph(page, "  stopped      ",
                      std::to_string(cases.stopped) + " cases, the first by " + cases.misuse);
  const std::string condition = failing_condition(cases.outcomes, stage.plan);
  return condition.empty() ? text : text + paragraph(page, "  fails only   ", condition);
}

}  // namespace

std::string indented(const std::string& lines) {
  std::istringstream stream(lines);
  std::string text;
  for (std::string line; std::getline(stream, line);) text += paragraph(page, "     ", line);
  return text;
}

int examine(const Stage& stage, const std::vector<ConformanceCase>& cases, std::ostream& out) {
  const bool verbose = is_verbose();
  Tallies tallies{};
  Cases seen;
  Outputs last;
  std::string failures, first;  // what is said of the first one
  Watch watch(stage);
  for (const ConformanceCase& test : cases) {
    watch.begins(test.problem);
    const bool is_shown = tallies.back().failed == 0 || verbose;  // in full, if it fails
    Verdict verdict = run(stage, test, generate(test.problem, test.seed, stage.fp8), is_shown);
    if (verdict.unwritten) return out << "  " << verdict.misuse << "\n", 1;
    add(tallies, test.problem, verdict.passed());
    seen.outcomes.push_back({&test.problem, verdict.passed()});
    if (verdict.misuse.empty())
      (verdict.check.passed ? seen.right : seen.wrong).push_back(&test);
    else if (seen.stopped++ == 0)
      seen.misuse = verdict.misuse.substr(0, verdict.misuse.find('\n'));
    seen.copies += !verdict.check.o_passed && is_copy(verdict.outputs.o, last.o);
    last = std::move(verdict.outputs);
    if (verdict.passed()) continue;
    const int failed = tallies.back().failed;
    if (failed > max_named && !verbose) continue;
    const std::string lines = describe(verdict), line = lines.substr(0, lines.find('\n'));
    failures += paragraph(page, "  " + std::to_string(failed) + ". ", problem_text(test.problem)) +
                indented(is_shown        ? lines
                         : line == first ? "the same"
                                         : line) +
                (is_shown ? beside(last_steps(verdict)) : "");
    if (failed == 1) first = line;
  }
  const int failed = tallies.back().failed;
  if (failed > 0)
    out << "\n"
        << stage.name << ": " << failed << " of " << cases.size() << " cases fail\n"
        << diagnosis(stage, seen) << kinds_text(tallies) << "\n"
        << failures;
  return failed;
}

}  // namespace flash
