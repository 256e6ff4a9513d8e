#include "cli/run_options.h"

#include <algorithm>
#include <iterator>

#include "cli/options.h"
#include "cli/problem_options.h"
#include "tile/cpu/parallel.h"
#include "tile/gpu.h"

namespace flash {
namespace {

constexpr Option what[] = {
    {"", "", "what to run:"},
    {"--stage", "STAGE", "only this stage, by any unique beginning of its name; may be repeated"},
    {"--steps", "",
     "the steps of the stages as well; --stage 04/2 is one of them, 03/backward/2 one of those to "
     "its backward pass"},
    {"--backward", "", "the backward pass of the stages that have one: 00, 02, 03 and 04"},
    {"--deterministic", "", "so, with dQ added up in one order: the same bits every time"},
    {"--dropout", "P",
     "weights are dropped with probability P, as in training; of the same stages, forward as well"},
    {"--dropout-seed", "N", "which ones are; default 0"},
    {"--device", "DEVICE", "cpu"},
    {"--gpu", "GPU", "whose on-chip memory a kernel must fit in: a100, h100 (default) or h200"},
    {"--threads", "N", "default: all cores"},
    {"--checked", "", "report misuse of on-chip memory and of barriers; slow"},
    {"--schedules", "N", "so, with the roles of a block in N different orders"},
    {"--runs", "N", "timed runs; default: as many as fit in half a second"},
};

constexpr Option files[] = {
    {"", "", "files:"},
    {"--input", "FILE",
     "safetensors with q, k, v, with --backward do; cu_seqlens_q and cu_seqlens_k if packed; goes "
     "with --causal, not with the options above"},
    {"--output", "FILE",
     "safetensors with o and lse, and dq, dk, dv with --backward; needs exactly one --stage"},
    {"--json", "FILE", "the results for programs"},

    {"", "", "what to print:"},
    {"--profile", "", "HBM traffic by tensor, and the work on chip, of each stage"},
    {"--help, -h", "", "this text"},
};

// Each stage behind its steps, if they are asked for: those to its backward pass with --backward.
std::vector<Stage> with_steps(const Options& options, const std::vector<Stage>& selected,
                              const std::vector<Stage>& stages) {
  if (!options.given("--steps")) return selected;
  const bool backward = options.given("--backward");
  const Pass::Kind kind = backward ? Pass::Kind::backward : Pass::Kind::forward;
  std::vector<Stage> all;
  for (const Stage& stage : selected) {
    std::ranges::copy_if(stages, std::back_inserter(all),
                         [&](const Stage& other) { return is_step_of(other, stage, kind); });
    all.push_back(stage);
  }
  return all;
}

// Those of the stages that have a backward pass, which `option` asks for.
std::vector<Stage> with_backward(const Options& options, const std::string& option,
                                 const std::vector<Stage>& selected) {
  const std::string expected = "a stage that has a backward pass";
  std::vector<Stage> some;
  for (const Stage& stage : selected)
    if (stage.backward())
      some.push_back(stage);
    else if (options.given("--stage") || stage.is_step())
      refuse(option, "of " + std::string(stage.name), expected);
  if (some.empty()) refuse(option, "of none of the stages", expected);
  return some;
}

void parse_training(const Options& options, RunOptions& run) {
  run.backward = asks_for_backward(options, run.stages);
  if (run.backward) run.stages = with_backward(options, "--backward", run.stages);
  if (options.given("--dropout")) run.stages = with_backward(options, "--dropout", run.stages);
  if (options.given("--dropout-seed") && !options.given("--dropout"))
    refuse("--dropout-seed", "without --dropout", "both");
}

const std::vector<Option>& known() {
  static const std::vector<Option> all = joined({what, problem_options, files});
  return all;
}

void parse_files(const Options& options, RunOptions& run) {
  run.input = options.one("--input");
  run.output = options.one("--output");
  run.json = options.one("--json");
  if (!run.input.empty() && states_problem(options))
    refuse("--input", in_quotes(run.input) + " beside options that state a problem",
           "none of them but --causal");
  // A step would pad the 32 columns of the file to 64.
  const bool any_step = std::ranges::any_of(run.stages, &Stage::is_step);
  if (run.input.empty() && !states_problem(options) && !options.given("--causal") && !any_step)
    run.input = ATTENTION_DATA_DIR "/minilm_512.safetensors", run.is_default_input = true;
  if (!run.output.empty() && run.stages.size() != 1)
    refuse("--output",
           in_quotes(run.output) + " of " + std::to_string(run.stages.size()) + " stages",
           "exactly one --stage");
}

}  // namespace

std::string run_help_text() {
  return "usage: ladder run [OPTIONS]\n\n"
         "Checks every stage against the reference in double precision, then measures it.\n"
         "Without options that state a problem it runs common/data/minilm_512.safetensors:\n"
         "queries, keys and values of a trained model; for steps, a generated problem.\n" +
         options_help(known());
}

BadInput in_run_options(const BadInput& error) {
  return with_dashes(error, known());
}

RunOptions parse_run_options(const Arguments& arguments, const std::vector<Stage>& stages) {
  const Options options("run", known(), arguments);
  RunOptions run;
#ifdef ATTENTION_CHECKED_DEFAULT
  run.checked = true;
#else
  run.checked = options.given("--checked") || options.given("--schedules");
#endif
  run.schedules = options.number("--schedules", run.schedules, 1, 1'000'000);
  run.profile = options.given("--profile");
  run.stages = with_steps(options, selected_stages(options, stages), stages);
  parse_training(options, run);
  if (const std::string device = options.one("--device", "cpu"); device != "cpu")
    refuse("--device", in_quotes(device), "cpu, as this build has no CUDA backend");
  run.gpu = tile::find_gpu(options.one("--gpu", run.gpu)).name;
  run.threads = options.number("--threads", tile::cpu::hardware_threads(), 1, 1024);
  run.runs = options.number("--runs", run.runs, 1, 1'000'000);
  run.seed = options.number("--seed", run.seed);
  parse_files(options, run);
  run.problem =
      parse_problem(options, {.dropout = options.number("--dropout", 0.0, 0.0, 0.99),
                              .dropout_seed = options.number<std::uint64_t>("--dropout-seed", 0)});
  run.problem.deterministic = options.given("--deterministic");
  if (run.problem.deterministic && !run.backward)
    refuse("--deterministic", "without --backward", "both: a forward pass always is");
  return run;
}

}  // namespace flash
