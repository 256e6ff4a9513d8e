#include "testing/caches.h"

#include <algorithm>
#include <string>
#include <vector>

#include "attention/kv_cache.h"
#include "check/checker.h"
#include "check/generator.h"
#include "report/summary.h"
#include "stages/execute.h"
#include "testing/suite.h"

namespace flash {
namespace {

constexpr Terminal page = {.width = 80};

struct CacheCase {
  DType dtype;
  std::int64_t page_size;  // 0: no pages
  int splits;
  std::int64_t queries;
};

constexpr CacheCase cases[] = {
    {DType::e4m3, 0, 1, 1}, {DType::e4m3, 16, 3, 1}, {DType::e5m2, 16, 1, 5}};

struct Scales {
  std::vector<float> k, v;  // of each key head
};

const Scales right = {{0.5f, 0.25f}, {2, 4}};

struct WrongScales {
  const char* name;
  Scales used;
};

const WrongScales wrong[] = {
    {"the scale of K in the cache is forgotten", {{1, 1}, right.v}},
    {"the scale of V in the cache is forgotten", {right.k, {1, 1}}},
    {"the scales of K and V in the cache are forgotten", {{1, 1}, {1, 1}}},
    {"the scales of K and V in the cache are exchanged", {right.v, right.k}},
    {"the scale of K in the cache is applied twice", {{0.25f, 0.0625f}, right.v}},
    {"the scale of V in the cache is applied twice", {right.k, {4, 16}}},
    {"the scales of the cache are those of key head 0", {{0.5f, 0.5f}, {2, 2}}}};

Problem problem_of(const CacheCase& c) {
  return {.batch = 2,
          .heads = 4,
          .kv_heads = 2,
          .seqlen_q = c.queries,
          .seqlen_k = 300,
          .causal = c.queries > 1};
}

// The elements that the cache keeps, times what a kernel takes for their scale.
Buffer read_back(const Problem& p, const Buffer& from, DType dtype, const std::vector<float>& scale,
                 const std::vector<float>& used) {
  Buffer result = from;
  for (std::int64_t i = 0; i < k_elements(p); ++i) {
    const std::int64_t head = i / p.head_dim % p.kv_heads;
    tile::with_type(dtype, [&](auto type) {
      using T = decltype(type);
      const T kept = tile::from_float<T>(element(from, p.dtype, i) / scale[head]);
      set_element(result, p.dtype, i, tile::to_float(kept) * used[head]);
    });
  }
  return result;
}

struct Decoded {
  Problem problem;
  DType dtype;
  Inputs inputs;
  Outputs outputs = {};
  std::string misuse = {};

  // With these scales, are the outputs right?
  CheckResult check_with(const Scales& used) const {
    const Inputs read = {inputs.q, read_back(problem, inputs.k, dtype, right.k, used.k),
                         read_back(problem, inputs.v, dtype, right.v, used.v)};
    return check(problem, expect(problem, read), outputs);
  }
};

Decoded decode(const Stage& stage, const CacheCase& c) {
  const Problem p = problem_of(c);
  Decoded result{p, c.dtype, generate(p, 0)};
  KvCache cache = make_cache(c.dtype, p.batch, p.kv_heads, p.head_dim, p.seqlen_k, c.page_size);
  cache.k_scale = right.k, cache.v_scale = right.v;
  tile::cpu::Device device;
  device.set_checked(true);
  append(device, cache, key_view(p, result.inputs.k), key_view(p, result.inputs.v), p.seqlen_k);
  result.outputs = unwritten_outputs(p);
  try {
    const AttentionArgs args = make_args(p, result.inputs, result.outputs);
    stage.forward(device, with_cache(args, cache, c.splits));
  } catch (const tile::TileError& error) {
    result.misuse = error.what();
  }
  return result;
}

std::string text_of(const CacheCase& c) {
  return problem_text(problem_of(c)) + ", KV cache in " + std::string(name(c.dtype)) +
         (c.page_size > 0 ? " in pages of " + std::to_string(c.page_size) + " keys" : "") + ", " +
         std::to_string(c.splits) + (c.splits == 1 ? " split" : " splits");
}

// The only scales that make all of them right, in words.
std::string name_of(const std::vector<Decoded>& failures) {
  std::string found;
  for (const auto& [name, used] : wrong) {
    const bool fits = std::ranges::all_of(failures, [&](const Decoded& one) {
      return one.misuse.empty() && one.check_with(used).o_passed;
    });
    if (!fits) continue;
    if (!found.empty()) return "";
    found = name;
  }
  return found;
}

}  // namespace

int examine_caches(const Stage& stage, std::ostream& out) {
  if (stage.plan != decoding_plan) return 0;
  std::vector<Decoded> failures;
  std::string text, first;
  for (const CacheCase& c : cases) {
    Decoded one = decode(stage, c);
    const CheckResult result = one.misuse.empty() ? one.check_with(right) : CheckResult{};
    if (one.misuse.empty() && result.passed) continue;
    failures.push_back(std::move(one));
    if (first.empty()) first = text_of(c);
    text += paragraph(page, "  " + std::to_string(failures.size()) + ". ", text_of(c)) +
            indented(failures.back().misuse.empty() ? describe(result) : failures.back().misuse);
  }
  if (failures.empty()) return 0;
  const std::string name = name_of(failures);
  out << "\n"
      << stage.name << ": " << failures.size() << " of " << std::size(cases)
      << " quantised KV caches fail\n"
      << (name.empty() ? "" : paragraph(page, "  looks like   ", name + " (on " + first + ")"))
      << "\n"
      << text;
  return static_cast<int>(failures.size());
}

}  // namespace flash
