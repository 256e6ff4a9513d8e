#include "cli/run_options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <limits>
#include <map>

#include "tile/cpu/parallel.h"
#include "tile/gpu.h"

namespace flash {
namespace {

struct ShapeOption {
  const char* name;
  std::int64_t Problem::*value;
};

constexpr ShapeOption shape_options[] = {
    {"--batch", &Problem::batch},       {"--heads", &Problem::heads},
    {"--kv-heads", &Problem::kv_heads}, {"--seqlen-q", &Problem::seqlen_q},
    {"--seqlen-k", &Problem::seqlen_k}, {"--head-dim", &Problem::head_dim}};

[[noreturn]] void refuse(const std::string& name, const std::string& value,
                         const std::string& expected) {
  throw BadInput(name + ": " + value + ", expected " + expected);
}

std::string in_quotes(const std::string& text) {
  return "'" + text + "'";
}

// "--name=value" as two arguments: CLI11 would take the next argument in place of an empty value.
Arguments separated(const Arguments& arguments) {
  Arguments all;
  for (const std::string& argument : arguments) {
    const std::size_t equals = argument.starts_with("--") ? argument.find('=') : std::string::npos;
    all.push_back(argument.substr(0, equals));
    if (equals != std::string::npos) all.push_back(argument.substr(equals + 1));
  }
  return all;
}

// The values of each option as they were typed.
class Values {
 public:
  explicit Values(const Arguments& arguments) {
    for (const ShapeOption& option : shape_options) add_option(option.name);
    for (const char* name : {"--stage", "--device", "--gpu", "--threads", "--schedules", "--runs",
                             "--dtype", "--seed", "--input", "--output", "--json"})
      add_option(name);
    for (const char* name : {"--checked", "--profile", "--causal"}) app_.add_flag(name);
    app_.set_help_flag();
    app_.allow_extras();
    parse(separated(arguments));
    if (const auto rest = app_.remaining(); !rest.empty())
      refuse(in_quotes(rest.front()), "is not an option of run", "one of ladder run --help");
  }

  bool given(const std::string& name) const { return app_.count(name) > 0; }
  const Arguments& all(const std::string& name) const { return values_.at(name); }

  // The one value of an option that was given.
  const std::string& one(const std::string& name) const {
    const Arguments& values = all(name);
    if (values.size() != 1)
      refuse(name, "given " + std::to_string(values.size()) + " times", "once");
    if (values[0].empty()) refuse(name, in_quotes(""), "a value");
    return values[0];
  }

  template <class T>
  T number(const std::string& name, T least, T most) const {
    const std::string& text = one(name);
    T value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || value < least || value > most)
      refuse(name, in_quotes(text),
             "a whole number from " + std::to_string(least) + " to " + std::to_string(most));
    return value;
  }

 private:
  void add_option(const std::string& name) {
    app_.add_option(name, values_[name])->allow_extra_args(false);
  }

  void parse(Arguments arguments) {
    std::reverse(arguments.begin(), arguments.end());  // CLI11 takes the last one first
    try {
      app_.parse(std::move(arguments));
    } catch (const CLI::ArgumentMismatch& error) {
      const std::string what = error.what();  // "--heads: 1 required TEXT missing"
      refuse(what.substr(0, what.find(':')), "no value", "one");
    } catch (const CLI::ParseError& error) {
      refuse("run", error.what(), "what ladder run --help says");
    }
  }

  CLI::App app_;
  std::map<std::string, Arguments> values_;
};

const Stage& find(const std::vector<Stage>& stages, const std::string& name) {
  std::string names;
  for (const Stage& stage : stages) {
    if (stage.name == name) return stage;
    names += (names.empty() ? "" : ", ") + std::string(stage.name);
  }
  refuse("--stage", in_quotes(name) + " is not a stage", "one of " + names);
}

std::vector<Stage> select(const Values& values, const std::vector<Stage>& stages) {
  if (!values.given("--stage")) return stages;
  std::vector<Stage> selected;
  for (const std::string& name : values.all("--stage")) selected.push_back(find(stages, name));
  return selected;
}

DType dtype(const std::string& text) {
  for (const DType dtype : {DType::f32, DType::bf16, DType::f16})
    if (tile::name(dtype) == text) return dtype;
  refuse("--dtype", in_quotes(text), "f32, bf16 or f16");
}

// True if an option other than --causal states a problem.
bool states_shape(const Values& values) {
  const auto given = [&](const ShapeOption& option) { return values.given(option.name); };
  return std::any_of(std::begin(shape_options), std::end(shape_options), given) ||
         values.given("--dtype") || values.given("--seed");
}

Problem parse_problem(const Values& values) {
  constexpr std::int64_t most = std::numeric_limits<std::int32_t>::max();
  Problem problem;
  for (const auto& [name, value] : shape_options)
    if (values.given(name)) problem.*value = values.number<std::int64_t>(name, 0, most);
  if (!values.given("--kv-heads")) problem.kv_heads = problem.heads;
  if (!values.given("--seqlen-k")) problem.seqlen_k = problem.seqlen_q;
  if (values.given("--dtype")) problem.dtype = dtype(values.one("--dtype"));
  problem.causal = values.given("--causal");
  validate(problem);
  return problem;
}

void parse_files(const Values& values, RunOptions& options) {
  if (values.given("--output")) options.output = values.one("--output");
  if (values.given("--json")) options.json = values.one("--json");
  if (values.given("--input")) {
    options.input = values.one("--input");
    if (states_shape(values))
      refuse("--input", in_quotes(options.input) + " beside options that state a problem",
             "none of them but --causal");
  } else if (!states_shape(values) && !values.given("--causal")) {
    options.input = ATTENTION_DATA_DIR "/minilm_512.safetensors";
  }
  if (!options.output.empty() && options.stages.size() != 1)
    refuse("--output",
           in_quotes(options.output) + " of " + std::to_string(options.stages.size()) + " stages",
           "exactly one --stage");
}

}  // namespace

RunOptions parse_run_options(const Arguments& arguments, const std::vector<Stage>& stages) {
  const Values values(arguments);
  RunOptions options;
#ifdef ATTENTION_CHECKED_DEFAULT
  options.checked = true;
#else
  options.checked = values.given("--checked");
#endif
  if (values.given("--schedules")) {
    options.schedules = values.number("--schedules", 1, 1'000'000);
    options.checked = true;
  }
  options.profile = values.given("--profile");
  options.stages = select(values, stages);
  if (values.given("--device") && values.one("--device") != "cpu")
    refuse("--device", in_quotes(values.one("--device")), "cpu, as this build has no CUDA backend");
  if (values.given("--gpu")) options.gpu = tile::find_gpu(values.one("--gpu")).name;
  options.threads =
      values.given("--threads") ? values.number("--threads", 1, 1024) : hardware_threads();
  if (values.given("--runs")) options.runs = values.number("--runs", 1, 1'000'000);
  if (values.given("--seed"))
    options.seed =
        values.number<std::uint64_t>("--seed", 0, std::numeric_limits<std::uint64_t>::max());
  parse_files(values, options);
  options.problem = parse_problem(values);
  return options;
}

}  // namespace flash
