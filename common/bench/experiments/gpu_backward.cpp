// `ladder experiment gpu_backward`: what a modelled GPU makes of the backward passes of 03 and 04,
// beside published figures of FlashAttention-2 and 3.
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
// FlashAttention-3, Figure 6.
constexpr Published backward_of_3[] = {
    {"h100", "04_v3_hopper", 64, false, {272, 363, 422, 453, 472, 474}},
    {"h100", "04_v3_hopper", 128, false, {316, 424, 501, 542, 559, 561}},
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
  return std::string(row.stage.substr(0, 2)) + " d=" + std::to_string(row.head_dim) +
         (row.causal ? " causal" : "") + std::string(what);
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
  Errors of_backward, of_both, of_3;
  for (const Published& row : backward) add_rows(row, false, of_backward, found, table);
  for (const Published& row : both) add_rows(row, true, of_both, found, table);
  for (const Published& row : backward_of_3) add_rows(row, false, of_3, found, table);
  Errors all = of_backward;
  all.all.insert(all.all.end(), of_3.all.begin(), of_3.all.end());
  environment.out << paragraph(environment.terminal, "",
                               "FP16, 16384 tokens in all, 2048 / d heads: what the modelled H100 "
                               "makes of the backward passes of 03 and 04, and below it "
                               "FlashAttention-2's and 3's, published, and how far off the model "
                               "is. 03, backward: " +
                                   of_backward.text() + "; both passes: " + of_both.text() +
                                   ". 04, backward: " + of_3.text() +
                                   ". All that is backward alone: " + all.text() + ".")
                  << "\n"
                  << table.text(environment.terminal);
  write_figures(options.json, found, table);
  return 0;
}

}  // namespace flash
