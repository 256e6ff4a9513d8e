#include "cli/problem_options.h"

#include <algorithm>
#include <iterator>
#include <limits>

namespace flash {

bool states_problem(const Options& options) {
  constexpr const char* names[] = {"--batch",    "--heads",    "--kv-heads", "--seqlen-q",
                                   "--seqlen-k", "--head-dim", "--dtype",    "--seed"};
  return std::ranges::any_of(names, [&](const char* name) { return options.given(name); });
}

DType parse_dtype(const Options& options, const std::string& name, std::span<const DType> known) {
  const std::string text = options.one(name);
  std::string names;
  for (const DType& dtype : known) {
    if (tile::name(dtype) == text) return dtype;
    const char* separator = names.empty() ? "" : &dtype == &known.back() ? " or " : ", ";
    names += separator + std::string(tile::name(dtype));
  }
  refuse(name, in_quotes(text), names);
}

Problem parse_problem(const Options& options, const Problem& otherwise) {
  Problem p = otherwise;
  const auto read = [&](const char* name, std::int64_t unless_given) {
    constexpr std::int64_t maximum = std::numeric_limits<std::int32_t>::max();
    return options.number<std::int64_t>(name, unless_given, 0, maximum);
  };
  p.batch = read("--batch", p.batch);
  p.heads = read("--heads", p.heads);
  p.kv_heads =
      read("--kv-heads", otherwise.kv_heads == otherwise.heads ? p.heads : otherwise.kv_heads);
  p.seqlen_q = read("--seqlen-q", p.seqlen_q);
  p.seqlen_k = read("--seqlen-k",
                    otherwise.seqlen_k == otherwise.seqlen_q ? p.seqlen_q : otherwise.seqlen_k);
  p.head_dim = read("--head-dim", p.head_dim);
  constexpr DType dtypes[] = {DType::f32, DType::bf16, DType::f16};
  if (options.given("--dtype")) p.dtype = parse_dtype(options, "--dtype", dtypes);
  p.causal = options.given("--causal");
  validate(p);
  return p;
}

std::vector<Stage> selected_stages(const Options& options, const std::vector<Stage>& stages) {
  std::vector<Stage> selected;
  if (options.given("--stage"))
    for (const std::string& name : options.all("--stage"))
      selected.push_back(find_stage(name, stages));
  else
    std::ranges::remove_copy_if(stages, std::back_inserter(selected), &Stage::is_step);
  return selected;
}

bool asks_for_backward(const Options& options, const std::vector<Stage>& selected) {
  return options.given("--backward") || std::ranges::any_of(selected, &Stage::is_backward_step);
}

}  // namespace flash
