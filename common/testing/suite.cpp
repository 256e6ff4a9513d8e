#include "testing/suite.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <sstream>

#include "bench/verdict.h"
#include "check/generator.h"
#include "diagnosis/diagnosis.h"
#include "report/summary.h"

namespace flash {
namespace {

constexpr Terminal page = {.width = 80};
constexpr int max_named = 3;  // failures

// What may set a problem that fails apart from one that passes.
struct Kind {
  const char* name;
  bool (*includes)(const Problem&);
};

bool is_empty(const Problem& p) {
  return p.seqlen_q == 0 || p.seqlen_k == 0;
}

constexpr Kind kinds[] = {
    {"no queries or keys", is_empty},
    {"f32", [](const Problem& p) { return p.dtype == DType::f32; }},
    {"bf16", [](const Problem& p) { return p.dtype == DType::bf16; }},
    {"f16", [](const Problem& p) { return p.dtype == DType::f16; }},
    {"no mask", [](const Problem& p) { return !p.causal; }},
    {"causal", [](const Problem& p) { return p.causal; }},
    {"MHA", [](const Problem& p) { return p.kv_heads == p.heads; }},
    {"GQA", [](const Problem& p) { return p.kv_heads > 1 && p.kv_heads < p.heads; }},
    {"MQA", [](const Problem& p) { return p.kv_heads == 1 && p.heads > 1; }},
    {"packed", [](const Problem& p) { return p.packed(); }},
    {"one query", [](const Problem& p) { return p.seqlen_q == 1; }},
    {"up to 64 keys", [](const Problem& p) { return p.seqlen_k <= 64; }},
    {"more keys", [](const Problem& p) { return p.seqlen_k > 64; }},
    {"whole tiles",
     [](const Problem& p) { return !p.packed() && p.seqlen_q % 64 == 0 && p.seqlen_k % 64 == 0; }},
    {"rows that see no key",
     [](const Problem& p) { return p.causal && !p.packed() && p.seqlen_q > p.seqlen_k; }},
    {"head_dim to 32", [](const Problem& p) { return p.head_dim <= 32; }},
    {"to 64", [](const Problem& p) { return p.head_dim > 32 && p.head_dim <= 64; }},
    {"to 128", [](const Problem& p) { return p.head_dim > 64 && p.head_dim <= 128; }},
    {"to 256", [](const Problem& p) { return p.head_dim > 128; }}};

struct Tally {
  int failed = 0, run = 0;
};

// Of each kind, an empty problem being of its own alone; the last is of all.
using Tallies = std::array<Tally, std::size(kinds) + 1>;

void add(Tallies& tallies, const Problem& problem, bool passed) {
  for (std::size_t i = 0; i < tallies.size(); ++i) {
    const bool is_of_kind =
        i == tallies.size() - 1 || (kinds[i].includes(problem) && is_empty(problem) == (i == 0));
    if (!is_of_kind) continue;
    ++tallies[i].run;
    tallies[i].failed += !passed;
  }
}

// The kinds of which `chosen` holds, each with its numbers.
std::string list(const Tallies& tallies, bool (*chosen)(const Tally&)) {
  std::string text;
  bool all = true;  // but the empty ones
  for (std::size_t i = 0; i < std::size(kinds); ++i) {
    const auto& [failed, run] = tallies[i];
    if (run == 0) continue;
    if (!chosen(tallies[i])) {
      all &= i == 0;
      continue;
    }
    text += (text.empty() ? "" : ", ") + std::string(kinds[i].name) + " ";
    text += (failed > 0 && failed < run ? std::to_string(failed) + "/" : "") + std::to_string(run);
  }
  return all ? "every kind" : text.empty() ? "none" : text;
}

std::string summary(const Stage& stage, const Tallies& tallies) {
  const auto [failed, run] = tallies.back();
  const auto all = [](const Tally& t) { return t.failed == t.run; };
  const auto no = [](const Tally& t) { return t.failed == 0; };
  const auto some = [](const Tally& t) { return t.failed > 0 && t.failed < t.run; };
  return "\n" + std::string(stage.name) + ": " + std::to_string(failed) + " of " +
         std::to_string(run) + " cases fail\n" +
         paragraph(page, "  always fail  ", list(tallies, all)) +
         paragraph(page, "  some fail    ", list(tallies, some)) +
         paragraph(page, "  never fail   ", list(tallies, no));
}

// Lines of any width, broken at 80 columns.
std::string indented(const std::string& lines) {
  std::istringstream stream(lines);
  std::string text;
  for (std::string line; std::getline(stream, line);) text += paragraph(page, "     ", line);
  return text;
}

bool is_verbose() {
  const char* verbose = std::getenv("ATTENTION_VERBOSE");
  return verbose != nullptr && *verbose != '\0';
}

Verdict run(const Stage& stage, const ConformanceCase& test, const Inputs& inputs) {
  tile::cpu::Device device;
  device.set_checked(true);
  return run_and_check(stage, device, test.problem, inputs,
                       expect(test.problem, inputs, stage.fp8));
}

// What the stage's output looks like on one of the cases; empty if nobody knows. Mistakes differ
// where there are many keys and more than one tile of them, so such cases come first.
std::string diagnosis(const Stage& stage, std::vector<const ConformanceCase*> failed) {
  constexpr std::size_t tries = 3;  // each takes a fraction of a second
  const auto has_few_keys = [](const ConformanceCase* test) {
    return test->problem.seqlen_k <= 128;
  };
  std::ranges::stable_sort(failed, {}, has_few_keys);
  failed.resize(std::min(failed.size(), tries));
  for (const ConformanceCase* test : failed) {
    const Inputs inputs = generate(test->problem, test->seed, stage.fp8);
    Verdict verdict = run(stage, *test, inputs);
    if (!verdict.misuse.empty()) continue;  // another order of blocks: there are no outputs
    diagnose(test->problem, inputs, verdict.outputs, verdict.check);
    if (!verdict.check.looks_like.empty())
      return verdict.check.looks_like + " (on " + problem_text(test->problem) + ")";
  }
  return "";
}

}  // namespace

int examine(const Stage& stage, const std::vector<ConformanceCase>& cases, std::ostream& out) {
  const bool verbose = is_verbose();
  Tallies tallies{};
  std::vector<const ConformanceCase*> wrong_outputs;
  for (const ConformanceCase& test : cases) {
    const Verdict verdict = run(stage, test, generate(test.problem, test.seed, stage.fp8));
    add(tallies, test.problem, verdict.passed());
    if (verdict.passed()) continue;
    if (verdict.misuse.empty() && !verdict.check.passed) wrong_outputs.push_back(&test);
    const int failed = tallies.back().failed;
    if (failed > max_named && !verbose) continue;
    const std::string lines = describe(verdict);
    out << paragraph(page, "  " + std::to_string(failed) + ". ", problem_text(test.problem))
        << indented(failed == 1 || verbose ? lines : lines.substr(0, lines.find('\n')))
        << std::flush;
  }
  const int failed = tallies.back().failed;
  if (failed == 0) return 0;
  out << summary(stage, tallies);
  if (const std::string name = diagnosis(stage, wrong_outputs); !name.empty())
    out << paragraph(page, "  looks like   ", name);
  return failed;
}

}  // namespace flash
