#include "testing/kinds.h"

#include "report/table.h"

namespace flash {
namespace {

constexpr Terminal page = {.width = 80};

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
    {"head_dim to 64", [](const Problem& p) { return p.head_dim > 32 && p.head_dim <= 64; }},
    {"head_dim to 128", [](const Problem& p) { return p.head_dim > 64 && p.head_dim <= 128; }},
    {"head_dim to 256", [](const Problem& p) { return p.head_dim > 128; }}};

static_assert(std::size(kinds) == number_of_kinds);

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
  const bool empty_too = tallies[0].run == 0 || chosen(tallies[0]);
  return all ? empty_too ? "every kind" : "every kind but problems without queries or keys"
         : text.empty() ? "none"
                        : text;
}

}  // namespace

void add(Tallies& tallies, const Problem& problem, bool passed) {
  for (std::size_t i = 0; i < tallies.size(); ++i) {
    const bool is_of_kind =
        i == tallies.size() - 1 || (kinds[i].includes(problem) && is_empty(problem) == (i == 0));
    if (!is_of_kind) continue;
    ++tallies[i].run;
    tallies[i].failed += !passed;
  }
}

std::string kinds_text(const Tallies& tallies) {
  const auto all = [](const Tally& t) { return t.failed == t.run; };
  const auto no = [](const Tally& t) { return t.failed == 0; };
  const auto some = [](const Tally& t) { return t.failed > 0 && t.failed < t.run; };
  return paragraph(page, "  always fail  ", list(tallies, all)) +
         paragraph(page, "  some fail    ", list(tallies, some)) +
         paragraph(page, "  never fail   ", list(tallies, no));
}

}  // namespace flash
