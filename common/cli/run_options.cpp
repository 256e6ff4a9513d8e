#include "cli/run_options.h"

#include <algorithm>
#include <limits>

#include "cli/options.h"
#include "tile/cpu/parallel.h"
#include "tile/gpu.h"

namespace flash {
namespace {

constexpr Option known[] = {
    {"", "", "what to run:"},
    {"--stage", "STAGE", "only this stage, by any unique beginning of its name; may be repeated"},
    {"--steps", "", "the steps of the stages as well; --stage 04/2 is one of them"},
    {"--device", "DEVICE", "cpu"},
    {"--gpu", "GPU", "whose on-chip memory a kernel must fit in: a100, h100 (default) or h200"},
    {"--threads", "N", "default: all cores"},
    {"--checked", "", "report misuse of on-chip memory and of barriers; slow"},
    {"--schedules", "N", "so, with the roles of a block in N different orders"},
    {"--runs", "N", "timed runs; default: as many as fit in half a second"},

    {"", "", "a generated problem (any of these asks for one):"},
    {"--batch", "N", "sequences (1)"},
    {"--heads", "N", "query heads (4)"},
    {"--kv-heads", "N", "heads of K and V, a divisor of --heads (as many)"},
    {"--seqlen-q", "N", "queries of a sequence (1024)"},
    {"--seqlen-k", "N", "keys of a sequence (as many as queries)"},
    {"--head-dim", "N", "1 to 256 (64)"},
    {"--dtype", "DTYPE", "f32 (default), bf16 or f16"},
    {"--causal", "", "query i sees keys up to i + seqlen_k - seqlen_q"},
    {"--seed", "N", "of the random numbers (0)"},

    {"", "", "files:"},
    {"--input", "FILE",
     "safetensors with q, k, v; cu_seqlens_q and cu_seqlens_k if packed; goes with --causal, not "
     "with the options above"},
    {"--output", "FILE", "safetensors with o and lse; needs exactly one --stage"},
    {"--json", "FILE", "the results for programs"},

    {"", "", "what to print:"},
    {"--profile", "", "HBM traffic by tensor, and the work on chip, of each stage"},
    {"--help, -h", "", "this text"},
};

std::vector<Stage> select(const Options& options, const std::vector<Stage>& stages) {
  std::vector<Stage> selected;
  if (options.given("--stage")) {
    for (const std::string& name : options.all("--stage"))
      selected.push_back(find_stage(name, stages));
  } else {
    std::ranges::remove_copy_if(stages, std::back_inserter(selected), &Stage::is_step);
  }
  if (!options.given("--steps")) return selected;
  std::vector<Stage> with_steps;
  for (const Stage& stage : selected) {
    std::ranges::copy_if(stages, std::back_inserter(with_steps),
                         [&](const Stage& other) { return is_step_of(other, stage); });
    with_steps.push_back(stage);
  }
  return with_steps;
}

DType dtype(const std::string& text) {
  for (const DType dtype : {DType::f32, DType::bf16, DType::f16})
    if (tile::name(dtype) == text) return dtype;
  refuse("--dtype", in_quotes(text), "f32, bf16 or f16");
}

// True if an option other than --causal states a problem.
bool states_shape(const Options& options) {
  constexpr const char* names[] = {"--batch",    "--heads",    "--kv-heads", "--seqlen-q",
                                   "--seqlen-k", "--head-dim", "--dtype",    "--seed"};
  return std::ranges::any_of(names, [&](const char* name) { return options.given(name); });
}

Problem parse_problem(const Options& options) {
  Problem p;
  const auto read = [&](const char* name, std::int64_t otherwise) {
    constexpr std::int64_t maximum = std::numeric_limits<std::int32_t>::max();
    return options.number<std::int64_t>(name, otherwise, 0, maximum);
  };
  p.batch = read("--batch", p.batch);
  p.heads = read("--heads", p.heads);
  p.kv_heads = read("--kv-heads", p.heads);
  p.seqlen_q = read("--seqlen-q", p.seqlen_q);
  p.seqlen_k = read("--seqlen-k", p.seqlen_q);
  p.head_dim = read("--head-dim", p.head_dim);
  if (options.given("--dtype")) p.dtype = dtype(options.one("--dtype"));
  p.causal = options.given("--causal");
  validate(p);
  return p;
}

void parse_files(const Options& options, RunOptions& run) {
  run.input = options.one("--input");
  run.output = options.one("--output");
  run.json = options.one("--json");
  if (!run.input.empty() && states_shape(options))
    refuse("--input", in_quotes(run.input) + " beside options that state a problem",
           "none of them but --causal");
  // A step would pad the 32 columns of the file to 64.
  const bool any_step = std::ranges::any_of(run.stages, &Stage::is_step);
  if (run.input.empty() && !states_shape(options) && !options.given("--causal") && !any_step)
    run.input = ATTENTION_DATA_DIR "/minilm_512.safetensors";
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
         options_help(known);
}

BadInput in_run_options(const BadInput& error) {
  return with_dashes(error, known);
}

RunOptions parse_run_options(const Arguments& arguments, const std::vector<Stage>& stages) {
  const Options options("run", known, arguments);
  RunOptions run;
#ifdef ATTENTION_CHECKED_DEFAULT
  run.checked = true;
#else
  run.checked = options.given("--checked") || options.given("--schedules");
#endif
  run.schedules = options.number("--schedules", run.schedules, 1, 1'000'000);
  run.profile = options.given("--profile");
  run.stages = select(options, stages);
  if (const std::string device = options.one("--device", "cpu"); device != "cpu")
    refuse("--device", in_quotes(device), "cpu, as this build has no CUDA backend");
  run.gpu = tile::find_gpu(options.one("--gpu", run.gpu)).name;
  run.threads = options.number("--threads", tile::cpu::hardware_threads(), 1, 1024);
  run.runs = options.number("--runs", run.runs, 1, 1'000'000);
  run.seed = options.number("--seed", run.seed);
  parse_files(options, run);
  run.problem = parse_problem(options);
  return run;
}

}  // namespace flash
