#include "cli/bench_options.h"

#include <algorithm>

#include "cli/long_work.h"
#include "cli/options.h"
#include "cli/problem_options.h"
#include "io/attention_file.h"
#include "report/summary.h"
#include "tile/cpu/parallel.h"

namespace flash {
namespace {

constexpr Option how[] = {
    {"", "", "how to measure:"},
    {"--seconds", "S", "that a case takes (1)"},
    {"--runs", "N", "runs of each case, instead"},
    {"--threads", "N", "default: all cores"},
    {"--bare", "",
     "no peaks, no bandwidth, no cold caches, just the runs: for tools that count, as valgrind"},
    {"--json", "FILE", "the results for programs"},
    {"--help, -h", "", "this text"},

    {"", "", "a problem of your own, instead of groups:"},
    {"--stage", "STAGE", "by any unique beginning of its name; may be repeated (03)"},
    {"--sweep", "AXIS", "seqlen, head_dim, batch or threads: that changes, the rest stays"},
    {"--backward", "", "the backward pass, of a stage that has one: 00, 02, 03 and 04"},
    {"--deterministic", "", "so, with dQ added up in one order: the same bits every time"},
    {"--cache", "DTYPE",
     "decode from a KV cache of f32, bf16, f16, e4m3 or e5m2: 1 query, 65536 keys, 16 heads on 2, "
     "d = 128, unless said otherwise (stage 06)"},
    {"--page-size", "N", "keys of a page of the cache; default: no pages"},
    {"--input", "FILE", "safetensors with q, k, v, with --backward do, as of ladder run"},
    {"--output", "FILE",
     "safetensors with o and lse, and dq, dk, dv with --backward; needs exactly one case"},
};

const std::vector<Option>& known() {
  static const std::vector<Option> all = joined({how, problem_options});
  return all;
}

constexpr Problem decode_step{
    .heads = 16, .kv_heads = 2, .seqlen_q = 1, .seqlen_k = 1 << 16, .head_dim = 128};

std::optional<CacheKind> parse_cache(const Options& options) {
  constexpr DType dtypes[] = {DType::f32, DType::bf16, DType::f16, DType::e4m3, DType::e5m2};
  constexpr std::int64_t largest_page = 1 << 20;
  if (!options.given("--cache")) {
    if (options.given("--page-size"))
      refuse("--page-size", in_quotes(options.one("--page-size")) + " without --cache", "both");
    return {};
  }
  return CacheKind{parse_dtype(options, "--cache", dtypes),
                   options.number<std::int64_t>("--page-size", 0, 1, largest_page)};
}

// Throws BadInput unless they go together, and with the other options.
void parse_backward(const Options& options, const std::vector<Stage>& stages, Case& c) {
  c.backward = asks_for_backward(options, selected_stages(options, stages));
  if (c.backward && c.cache) refuse("--backward", "beside --cache", "one of them");
  if (options.given("--deterministic") && !c.backward)
    refuse("--deterministic", "without --backward", "both: a forward pass always is");
}

// A case without its stage.
Case own_case(const Options& options, int threads, const std::vector<Stage>& stages) {
  Case c{.name = "", .stage = "", .problem = {}, .cache = parse_cache(options)};
  Problem otherwise = c.cache ? decode_step : Problem{};
  if (c.cache && size_in_bytes(c.cache->dtype) < 4)
    otherwise.dtype = size_in_bytes(c.cache->dtype) == 2 ? c.cache->dtype : DType::bf16;
  c.threads = threads;
  parse_backward(options, stages, c);
  if (const std::string file = options.one("--input"); !file.empty()) {
    if (states_problem(options))
      refuse("--input", in_quotes(file) + " beside options that state a problem",
             "none of them but --causal");
    AttentionFile read = read_attention_file(file, options.given("--causal"), c.backward);
    c.problem = read.problem;
    c.problem.deterministic = options.given("--deterministic");
    c.inputs = std::make_shared<const Inputs>(std::move(read.inputs));
    return c;
  }
  c.problem = parse_problem(options, otherwise);
  c.problem.deterministic = options.given("--deterministic");
  require_memory_for_tensors(c.problem);
  return c;
}

bool asks_for_own(const Options& options) {
  constexpr const char* names[] = {"--stage",     "--sweep",    "--cache",
                                   "--page-size", "--input",    "--output",
                                   "--causal",    "--backward", "--deterministic"};
  return states_problem(options) ||
         std::ranges::any_of(names, [&](const char* name) { return options.given(name); });
}

std::vector<Group> own_groups(const Options& options, int threads,
                              const std::vector<Stage>& stages) {
  const Case base = own_case(options, threads, stages);
  Group group{
      "problem", (base.backward ? "Backward pass, " : "") + problem_text(base.problem) + ".", {}};
  const Arguments usual = {base.cache ? "06" : "03"};
  for (const std::string& name : options.given("--stage") ? options.all("--stage") : usual) {
    Case c = base;
    c.stage = c.name = find_stage(name, stages).name;
    if (c.cache && !c.stage.starts_with("06"))
      refuse("--cache", in_quotes(options.one("--cache")) + " with stage " + c.stage,
             "stage 06, which alone decodes from a cache");
    if (c.backward && !find_stage(name, stages).backward())
      refuse("--backward", "of " + c.stage, "a stage that has one");
    c.against = usual_ceiling(c);
    if (!options.given("--sweep")) {
      group.cases.push_back(c);
      continue;
    }
    const Group swept = sweep(options.one("--sweep"), c);
    group.name = swept.name;
    group.title = "Of " + problem_text(base.problem) + ", with others in its place.";
    group.cases.insert(group.cases.end(), swept.cases.begin(), swept.cases.end());
  }
  return {group};
}

std::vector<Group> named_groups(const Arguments& names, int threads) {
  const std::vector<Group> all = goal_groups(threads);
  if (names.empty()) return all;
  std::vector<Group> groups;
  std::string known_names;
  for (const Group& group : all) known_names += (known_names.empty() ? "" : ", ") + group.name;
  for (const std::string& name : names) {
    const auto found = std::ranges::find(all, name, &Group::name);
    if (found == all.end())
      refuse("bench", in_quotes(name) + " is not a group", "one of " + known_names);
    groups.push_back(*found);
  }
  return groups;
}

}  // namespace

std::string bench_help_text() {
  std::string text =
      "usage: ladder bench [GROUP]... [OPTIONS]\n\n"
      "Checks every case, then times it beside the machine's peaks. Without groups or a\n"
      "problem of your own it measures all groups, in a few minutes:\n\n";
  for (const Group& group : goal_groups(1)) {
    std::string label = "  " + group.name;
    label.resize(22, ' ');
    text += paragraph({.width = 80}, label, group.title);
  }
  return text + options_help(known());
}

BadInput in_bench_options(const BadInput& error) {
  return with_dashes(error, known());
}

BenchRequest parse_bench_request(const Arguments& arguments, const std::vector<Stage>& stages) {
  const auto first_option = std::ranges::find_if(
      arguments, [](const std::string& argument) { return argument.starts_with('-'); });
  const Arguments names(arguments.begin(), first_option);
  const Options options("bench", known(), {first_option, arguments.end()});
  const int threads = options.number("--threads", tile::cpu::hardware_threads(), 1, 1024);
  BenchRequest request{.threads = threads};
  request.how.pace = {options.number("--seconds", 1.0, 0.001, 3600.0),
                      options.number("--runs", 0, 1, 1'000'000)};
  request.how.seed = options.number<std::uint64_t>("--seed", 0);
  request.how.bare = options.given("--bare");
  request.output = options.one("--output");
  request.json = options.one("--json");
  require_writable(request.output, request.json);
  const bool own = asks_for_own(options);
  if (own && !names.empty())
    refuse("bench", in_quotes(names.front()) + " beside a problem of your own", "one of the two");
  request.groups = own ? own_groups(options, threads, stages) : named_groups(names, threads);
  const std::size_t cases = request.groups.front().cases.size();
  if (!request.output.empty() && cases != 1)
    refuse("--output", in_quotes(request.output) + " of " + std::to_string(cases) + " cases",
           "exactly one");
  return request;
}

}  // namespace flash
