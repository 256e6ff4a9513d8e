// `ladder experiment gpu`: what a modelled GPU makes of 03 and 04, beside the figures that
// FlashAttention's authors published.
#include "bench/experiments/experiment.h"
#include "bench/experiments/published.h"
#include "model/predict.h"
#include "stages/stage.h"

namespace flash {
namespace {

// Forward, FP16, 16384 tokens and 2048 columns in all. On the H100: Shah et al., FlashAttention-3
// (arXiv:2407.08608), Figures 5 and 6. On the A100 there is the largest figure of Dao,
// FlashAttention-2 (arXiv:2307.08691), section 4, alone.
constexpr Published figures[] = {
    {"h100", "03_v2", 64, false, {282, 306, 318, 321, 322, 324}},
    {"h100", "03_v2", 64, true, {180, 229, 262, 284, 295, 299}},
    {"h100", "03_v2", 128, false, {309, 350, 362, 368, 370, 370}},
    {"h100", "03_v2", 128, true, {191, 260, 298, 319, 333, 335}},
    {"h100", "03_v2", 256, false, {275, 313, 321, 323, 324, 326}},
    {"h100", "03_v2", 256, true, {208, 251, 278, 293, 297, 298}},
    {"h100", "04_v3_hopper", 64, false, {333, 392, 460, 476, 496, 497}},
    {"h100", "04_v3_hopper", 64, true, {197, 265, 371, 420, 460, 473}},
    {"h100", "04_v3_hopper", 128, false, {467, 565, 625, 638, 646, 648}},
    {"h100", "04_v3_hopper", 128, true, {292, 423, 521, 579, 602, 616}},
    {"h100", "04_v3_hopper", 256, false, {482, 627, 707, 736, 746, 756}},
    {"h100", "04_v3_hopper", 256, true, {286, 427, 537, 612, 628, 642}},
    {"a100", "03_v2", 128, false, {0, 0, 0, 0, 230, 0}},
};

double predicted(const Published& row, std::size_t column, model::Order order) {
  const model::Gpu& gpu = model::find_gpu(row.gpu);
  const Stage& stage = find_stage(row.stage, stages_with_published_tiles(row.causal));
  return model::predict(gpu, model::record(gpu, stage, stage.passes.front().run,
                                           problem_of(row, column), order))
      .tflops();
}

}  // namespace

int gpu_experiment(const ExperimentOptions& options, const Environment& environment) {
  TextTable table({{"TFLOP/s", true}, {"512"}, {"1k"}, {"2k"}, {"4k"}, {"8k"}, {"16k"}});
  Figures found = {.facts = {{"experiment", "gpu"}}, .figures = {}};
  Errors of_v2, of_v3;
  for (const Published& row : figures) {
    const std::string name = std::string(row.stage.substr(0, 2)) +
                             " d=" + std::to_string(row.head_dim) + (row.causal ? " causal" : "") +
                             (row.gpu == "a100" ? " A100" : "");
    std::vector<Cell> modelled = {{name}}, published = {{"  published"}};
    std::vector<Cell> longest_first = {{"  longest first"}};  // the stage's own order
    const bool has_order = row.causal && row.stage.starts_with("04");
    for (std::size_t i = 0; i < row.tflops.size(); ++i) {
      if (row.tflops[i] == 0) {
        modelled.push_back({""}), published.push_back({""});
        continue;
      }
      const double value = predicted(row, i, model::Order::grid);
      (row.stage.starts_with("03") ? of_v2 : of_v3).add(value, row.tflops[i]);
      modelled.push_back({text_of("%.0f", value)});
      published.push_back(
          {std::to_string(row.tflops[i]) + " " + percent_off(value, row.tflops[i])});
      found.figures.push_back({{"name", name},
                               {"seqlen", problem_of(row, i).seqlen_q},
                               {"modelled_tflops", value},
                               {"published_tflops", double(row.tflops[i])}});
      if (!has_order) continue;
      const double own = predicted(row, i, model::Order::longest_first);
      longest_first.push_back({text_of("%.0f", own)});
      found.figures.back().push_back({"modelled_tflops_longest_first", own});
    }
    table.add_row(std::move(modelled));
    table.add_row(std::move(published));
    if (has_order) table.add_row(std::move(longest_first));
  }
  const std::string intro =
      "Forward, FP16, 16384 tokens in all, 2048 / d heads: what the modelled GPU makes of the "
      "stages with FlashAttention's tiles, and below it the published figure and how far off the "
      "model is. Published was the order of the grid; stage 04 takes the longest tiles first. ";
  environment.out << paragraph(environment.terminal, "",
                               intro + "03: " + of_v2.text() + ". 04: " + of_v3.text() + ".")
                  << "\n"
                  << table.text(environment.terminal);
  write_figures(options.json, found, table);
  return 0;
}

}  // namespace flash
