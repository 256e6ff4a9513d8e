// `ladder experiment gpu_backward`: what a modelled GPU makes of 03's backward pass, beside
// published figures of FlashAttention-2's.
#include "bench/experiments/experiment.h"
#include "bench/experiments/published.h"
#include "model/predict.h"
#include "stages/stage.h"

namespace flash {
namespace {

// On the H100. Backward: Shah et al., FlashAttention-3 (arXiv:2407.08608), Figure 6, where no
// figure has a mask. Forward and backward, 3.5 times the forward pass's FLOPs: the flash-attention
// repository, assets/flash2_h100_fwd_bwd_benchmark.png.
constexpr Published backward[] = {
    {"h100", "03_v2", 64, false, {198, 238, 264, 279, 287, 291}},
    {"h100", "03_v2", 128, false, {214, 260, 291, 310, 318, 322}},
};
constexpr Published both[] = {
    {"h100", "03_v2", 64, false, {215, 254, 274, 288, 294, 296}},
    {"h100", "03_v2", 64, true, {141, 192, 232, 257, 273, 284}},
    {"h100", "03_v2", 128, false, {248, 294, 320, 326, 335, 338}},
    {"h100", "03_v2", 128, true, {163, 221, 265, 294, 308, 328}},
};
// FlashAttention-3, Figure 6. No stage is like it.
constexpr Published flash_attention_3[] = {
    {"h100", "FlashAttention-3", 64, false, {272, 363, 422, 453, 472, 474}},
    {"h100", "FlashAttention-3", 128, false, {316, 424, 501, 542, 559, 561}},
};

double tflops(const Published& row, std::size_t column, bool with_forward) {
  const model::Gpu& gpu = model::find_gpu(row.gpu);
  const Problem problem = problem_of(row, column);
  const model::Prediction back = predict(gpu, record_backward(gpu, find_stage(row.stage), problem));
  if (!with_forward) return back.tflops();
  const Stage& stage = find_stage(row.stage, stages_with_published_tiles(row.causal));
  const model::Prediction forward =
      predict(gpu, record(gpu, stage, stage.passes.front().run, problem));
  return (forward.flops + back.flops) / (forward.seconds + back.seconds) * 1e-12;
}

std::string name_of(const Published& row, std::string_view what) {
  return std::string(row.stage.starts_with("03") ? "03" : row.stage) +
         " d=" + std::to_string(row.head_dim) + (row.causal ? " causal" : "") + std::string(what);
}

// A row of what is modelled, and below it what was published.
void add_rows(const Published& row, bool with_forward, Errors& errors, Figures& found,
              TextTable& table) {
  const std::string name = name_of(row, with_forward ? ", both passes" : ", backward");
  std::vector<Cell> modelled = {{name}}, published = {{"  published"}};
  for (std::size_t i = 0; i < row.tflops.size(); ++i) {
    const double value = tflops(row, i, with_forward);
    errors.add(value, row.tflops[i]);
    modelled.push_back({text_of("%.0f", value)});
    published.push_back({std::to_string(row.tflops[i]) + " " + percent_off(value, row.tflops[i])});
    found.figures.push_back({{"name", name},
                             {"seqlen", problem_of(row, i).seqlen_q},
                             {"modelled_tflops", value},
                             {"published_tflops", double(row.tflops[i])}});
  }
  table.add_row(std::move(modelled));
  table.add_row(std::move(published));
}

}  // namespace

int gpu_backward_experiment(const ExperimentOptions& options, const Environment& environment) {
  TextTable table({{"TFLOP/s", true}, {"512"}, {"1k"}, {"2k"}, {"4k"}, {"8k"}, {"16k"}});
  Figures found = {.facts = {{"experiment", "gpu_backward"}}, .figures = {}};
  Errors of_backward, of_both;
  for (const Published& row : backward) add_rows(row, false, of_backward, found, table);
  for (const Published& row : both) add_rows(row, true, of_both, found, table);
  for (const Published& row : flash_attention_3) {
    std::vector<Cell> cells = {{name_of(row, ", published")}};
    for (const int figure : row.tflops) cells.push_back({std::to_string(figure)});
    table.add_row(std::move(cells));
  }
  environment.out << paragraph(environment.terminal, "",
                               "FP16, 16384 tokens in all, 2048 / d heads: what the modelled H100 "
                               "makes of 03's backward pass, and below it FlashAttention-2's, "
                               "published, and how far off the model is. Backward: " +
                                   of_backward.text() + ". Both passes: " + of_both.text() + ".")
                  << "\n"
                  << table.text(environment.terminal);
  write_figures(options.json, found, table);
  return 0;
}

}  // namespace flash
