// `ladder timeline`: what a modelled GPU makes of a stage, cycle by cycle.
#include "drawing/timeline.h"

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "cli/long_work.h"
#include "cli/problem_options.h"
#include "model/predict.h"
#include "model/strip.h"
#include "model/trace.h"
#include "report/summary.h"
#include "report/text.h"
#include "report/units.h"

namespace flash {
namespace {

constexpr Option timeline_options[] = {
    {"--gpu", "NAME", "a100, h100 (default) or h200"},
    {"--backward", "", "the backward pass, of a stage that has one; with its own tiles"},
    {"--without", "PART", "a switch of the stage: producer, ping-pong, overlap, rotation, ..."},
    {"--tiles", "WHOSE",
     "those of FlashAttention's kernels (published) or of the stage's own (own)"},
    {"--clock", "MHZ", "of the GPU; default: what a card holds under load"},
    {"--twice", "UNIT",
     "twice as fast: tensor, exponentials, fp32, copies, hbm, or waits; may be repeated"},
    {"--cycles", "N", "that the strip shows, from the middle (8000)"},
    {"--json", "FILE", "the prediction for programs"},
    {"--svg", "FILE", "a picture of the longest kernel's cycles"},
    {"--trace", "FILE", "the longest kernel's timeline, for ui.perfetto.dev"},
};

std::string help() {
  return "usage: ladder timeline STAGE [OPTIONS]\n\n"
         "Predicts what a GPU makes of a stage, from the operations that the stage issues\n"
         "and what the GPU's units were measured to do.\n\n" +
         options_help(joined({timeline_options, std::span(problem_options).subspan(1)}));
}

// The stage, or its copy with the tiles of FlashAttention's kernels, if there is one.
const Stage& with_tiles_of(const Options& options, const Stage& stage, bool causal) {
  const std::string tiles =
      options.one("--tiles", options.given("--backward") ? "own" : "published");
  if (tiles != "published" && tiles != "own")
    refuse("--tiles", in_quotes(tiles), "published or own");
  for (const Stage& other : stages_with_published_tiles(causal))
    if (tiles == "published" && !options.given("--backward") && other.name == stage.name)
      return other;
  if (options.given("--tiles") && tiles == "published")
    refuse("--tiles", in_quotes(tiles), "own: " + std::string(stage.name) + " has no others");
  return stage;
}

void make_twice_as_fast(model::Gpu& gpu, const std::string& unit) {
  const auto twice = [](model::Rate& rate) {
    for (double* value : {&rate.alone, &rate.beside_products}) *value *= 2;
  };
  if (unit == "tensor") {
    gpu.flops_16bit *= 2;
    for (model::MmaSync* rates : {&gpu.mma_sync, &gpu.mma_sync_backward})
      for (double* flops : {&rates->head_dim_64, &rates->head_dim_128, &rates->head_dim_256})
        *flops *= 2;
  } else if (unit == "exponentials") {
    twice(gpu.exponentials);
  } else if (unit == "fp32") {
    twice(gpu.fma), twice(gpu.maxima), twice(gpu.conversions);
  } else if (unit == "copies") {
    gpu.l2_bytes_per_s *= 2, gpu.copied_per_cycle *= 2;
  } else if (unit == "hbm") {
    gpu.hbm_bytes_per_s *= 2;
  } else if (unit == "waits") {
    for (double* x : {&gpu.product_latency, &gpu.wait_latency, &gpu.handover_latency, &gpu.issue,
                      &gpu.named_handover_latency, &gpu.copy_latency, &gpu.hbm_latency})
      *x /= 2;
  } else {
    refuse("--twice", in_quotes(unit), "tensor, exponentials, fp32, copies, hbm or waits");
  }
}

model::Gpu gpu_of(const Options& options) {
  model::Gpu gpu = model::find_gpu(options.one("--gpu", "h100"));
  if (options.given("--clock"))
    gpu.clock_hz = gpu.clock_hz_f16_wgmma = 1e6 * options.number<double>("--clock", 0, 100, 10000);
  if (options.given("--twice"))
    for (const std::string& unit : options.all("--twice")) make_twice_as_fast(gpu, unit);
  return gpu;
}

const Pass::Run& run_of(const Stage& stage, const Options& options) {
  if (!options.given("--without")) return stage.passes.front().run;
  const std::string name = "without " + options.one("--without");
  std::string known;
  for (const Variant& variant : stage.variants) {
    if (variant.name == name) return variant.run;
    if (variant.name.starts_with("without "))
      known += (known.empty() ? "" : ", ") + std::string(variant.name.substr(8));
  }
  refuse("--without", in_quotes(options.one("--without")),
         known.empty() ? "nothing: " + std::string(stage.name) + " has no switches"
                       : "one of " + known);
}

model::Recording recorded(const model::Gpu& gpu, const Stage& stage, const Options& options,
                          const Problem& problem) {
  if (!options.given("--backward") && !stage.is_backward_step())
    return model::record(gpu, stage, run_of(stage, options), problem);
  if (!stage.backward())
    refuse("--backward", "of " + std::string(stage.name), "a stage that has one");
  if (options.given("--without"))
    refuse("--without", "beside --backward", "one of them: a backward pass has no switches");
  return record_backward(gpu, stage, problem);
}

std::string unit_table(const model::KernelPrediction& kernel) {
  std::string line;
  for (int lane = 0; lane < model::lanes; ++lane)
    line +=
        text_of("%s%s %.0f%%", lane == 0 ? "" : ", ", std::string(model::lane_names[lane]).c_str(),
                100 * kernel.sm.busy[lane] / kernel.sm.cycles);
  if (kernel.sm.adding > 0)
    line += text_of(", additions in L2 %.0f%%", 100 * kernel.sm.adding / kernel.sm.cycles);
  return line;
}

const std::vector<std::string>& roles_of(const model::Recording& recording,
                                         const model::KernelPrediction& kernel) {
  return std::ranges::find(recording.blocks, kernel.kernel, &tile::BlockRecord::kernel)->roles;
}

void show(const model::KernelPrediction& kernel, const std::vector<std::string>& roles,
          double cycles, const Environment& environment) {
  const Terminal& terminal = environment.terminal;
  const model::Window window = model::middle(kernel.sm, cycles);
  environment.out << "\n"
                  << paragraph(
                         terminal, "",
                         text_of("kernel %s: %s, %d block%s on an SM, %.0f%% of the SMs' time "
                                 "without work at the end; cycles %.0f to %.0f of one SM:",
                                 kernel.kernel.c_str(), seconds_text(kernel.seconds).c_str(),
                                 kernel.resident, kernel.resident == 1 ? "" : "s",
                                 100 * kernel.tail, window.begin, window.end))
                  << model::strip(kernel.sm, roles, window, terminal.width)
                  << paragraph(terminal, "busy: ", unit_table(kernel));
  for (std::size_t r = 0; r < roles.size(); ++r)
    environment.out << paragraph(
        terminal, (roles[r].empty() ? "block" : roles[r]) + " waits for: ",
        model::waits_of(kernel.sm, 0, static_cast<int>(r), {0, kernel.sm.block_ends.front()}));
}

constexpr std::string_view legend =
    "a role:  e exponentials, f FP32 lanes, = waits for products, . waits for a barrier or a load\n"
    "a unit:  the number of the role that it works for\n";

void write_text(const std::string& file, const std::string& text) {
  std::ofstream stream(file);
  stream << text << std::flush;
  if (!stream) refuse("--svg", in_quotes(file) + " cannot be written", "room for it");
}

nlohmann::ordered_json to_json(const model::Gpu& gpu, const Stage& stage,
                               const model::Prediction& prediction) {
  nlohmann::ordered_json json = {{"stage", stage.name},
                                 {"gpu", gpu.name},
                                 {"clock_hz", gpu.clock_hz},
                                 {"seconds", prediction.seconds},
                                 {"tflops", prediction.tflops()},
                                 {"limited_by", name(prediction.bound())},
                                 {"hbm_bytes", prediction.hbm_bytes},
                                 {"block_bytes", prediction.block_bytes}};
  for (const model::KernelPrediction& kernel : prediction.kernels) {
    nlohmann::ordered_json busy;
    for (int lane = 0; lane < model::lanes; ++lane)
      busy[std::string(model::lane_names[lane])] = kernel.sm.busy[lane] / kernel.sm.cycles;
    json["kernels"].push_back({{"kernel", kernel.kernel},
                               {"seconds", kernel.seconds},
                               {"hbm_bytes", kernel.hbm_bytes},
                               {"hbm_seconds", kernel.hbm_seconds},
                               {"blocks_on_an_sm", kernel.resident},
                               {"sms_without_work", kernel.tail},
                               {"cycles", kernel.sm.cycles},
                               {"busy", busy}});
  }
  return json;
}

int timeline(const Arguments& arguments, std::span<const Option> known,
             const Environment& environment) {
  if (arguments.empty() || asks_for_help(arguments)) return environment.out << help(), 0;
  const Options options("timeline", known, {arguments.begin() + 1, arguments.end()});
  const Stage& stage = with_tiles_of(options, find_stage(arguments.front(), environment.stages),
                                     options.given("--causal"));
  const Problem otherwise = {.heads = 16,
                             .kv_heads = 16,
                             .seqlen_q = 8192,
                             .seqlen_k = 8192,
                             .head_dim = 128,
                             .dtype = DType::bf16};
  const Problem problem = parse_problem(options, otherwise);
  const model::Gpu gpu = gpu_of(options);
  const double cycles = options.number<double>("--cycles", 8000, 100, 1e9);
  const model::Recording recording = recorded(gpu, stage, options, problem);
  const model::Prediction prediction = model::predict(gpu, recording, true);

  const Terminal& terminal = environment.terminal;
  environment.out << paragraph(
      terminal, "",
      std::string(stage.name) + (options.given("--backward") ? ", backward," : "") +
          " on a modelled " + std::string(gpu.name) + ", " + problem_text(problem));
  environment.out << paragraph(
      terminal, "",
      text_of(
          "predicted: %s, %.0f TFLOP/s; limited by %s; %s between HBM and L2, %s between L2 and "
          "the SMs",
          seconds_text(prediction.seconds).c_str(), prediction.tflops(),
          std::string(name(prediction.bound())).c_str(), bytes_text(prediction.hbm_bytes).c_str(),
          bytes_text(prediction.block_bytes).c_str()));
  for (const model::KernelPrediction& kernel : prediction.kernels)
    show(kernel, roles_of(recording, kernel), cycles, environment);
  environment.out << "\n" << legend;
  if (options.given("--json"))
    write_json("--json", options.one("--json"),
               to_json(under_load(gpu, recording), stage, prediction));
  const model::KernelPrediction& longest =
      *std::ranges::max_element(prediction.kernels, {}, &model::KernelPrediction::seconds);
  const std::vector<std::string>& roles = roles_of(recording, longest);
  const model::Window window = model::middle(longest.sm, cycles);
  if (options.given("--svg"))
    write_text(options.one("--svg"),
               timeline_svg(std::string(stage.name) + ", kernel " + longest.kernel, longest.sm,
                            roles, window, window.end));
  if (options.given("--trace"))
    write_json("--trace", options.one("--trace"),
               model::trace_of(under_load(gpu, recording), longest.sm, roles));
  return 0;
}

}  // namespace

int timeline_command(const Arguments& arguments, const Environment& environment) {
  const std::vector<Option> known = joined({timeline_options, problem_options});
  try {
    return timeline(arguments, known, environment);
  } catch (const BadInput& error) {
    throw with_dashes(error, known);
  }
}

}  // namespace flash
