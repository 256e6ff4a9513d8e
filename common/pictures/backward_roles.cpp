// Stage 04's backward pass on the modelled H100: who works and who waits.
#include <algorithm>
#include <cmath>
#include <vector>

#include "attention/plan.h"
#include "model/predict.h"
#include "pictures/drawings.h"
#include "pictures/roles.h"
#include "stages/stage.h"

namespace flash {
namespace {

// In the middle of a block that is in the middle of the kernel.
double middle_of_a_block(const model::Timeline& sm) {
  std::vector<double> ends = sm.block_ends;
  std::ranges::sort(ends);
  const std::size_t i = ends.size() / 2;
  return std::round((i > 0 ? ends[i - 1] + ends[i] : ends[i]) / 2);
}

double draw(Svg& svg, const std::vector<Stage>& stages) {
  const model::Gpu& gpu = model::find_gpu("h100");
  const Stage& stage = find_stage("04_v3_hopper", stages);
  const model::Prediction prediction =
      model::predict(gpu, model::record_backward(gpu, stage, problem_of_roles), true);
  const auto kernel = std::ranges::max_element(prediction.kernels, {},
                                               [](const auto& each) { return each.sm.cycles; });
  const model::Timeline& sm = kernel->sm;
  double y = draw_legend_of_roles(svg);
  draw_speed(svg, prediction, sm, y + 14);
  y = draw_roles(svg, sm, scale_of_roles(middle_of_a_block(sm)),
                 {"producer", "consumer 0", "consumer 1", "dQ writer"}, y + 22);
  const TileShape tiles = backward_plan(problem_of_roles.shape()).tiles;
  return draw_foot_of_roles(svg,
                            "tiles of " + std::to_string(tiles.key_rows) + " keys and " +
                                std::to_string(tiles.query_rows) + " queries, d = 128.",
                            y + 12);
}

}  // namespace

Picture backward_roles_picture(const PictureSources& sources) {
  return {"backward_roles", "Who works and who waits: stage 04, backward",
          "A timeline of one SM of a modelled H100 in the backward pass of stage 04. Rows are the "
          "producer, the two consumers, the writer of dQ and the tensor cores. The consumers "
          "alternate: while one takes exponentials and computes dS, the tensor cores have the "
          "products of the other. Copies go on beside both. At the end of each tile the consumers "
          "wait for the writer, and the writer for the additions in L2.",
          [&stages = sources.stages](Svg& svg) { return draw(svg, stages); }};
}

}  // namespace flash
