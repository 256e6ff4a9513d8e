// What the modelled GPU makes of stages, as a table.
#include <algorithm>
#include <sstream>

#include "cli/problem_options.h"
#include "model/predict.h"
#include "pages/docs.h"
#include "report/summary.h"
#include "report/units.h"
#include "workshop/prediction.h"

namespace flash {
namespace {

constexpr Option model_options[] = {{"--gpu", "NAME", "a100, h100 (default) or h200"},
                                    {"--backward", "", "the backward pass"}};

// Of the kernel that takes longest.
double share_without_work(const model::Prediction& prediction) {
  return std::ranges::max_element(prediction.kernels, {}, &model::KernelPrediction::seconds)->tail;
}

std::string row(const Stage& stage, const model::Gpu& gpu, const Problem& problem, bool backward) {
  const model::Prediction p =
      model::predict(gpu, backward ? model::record_backward(gpu, stage, problem)
                                   : model::record(gpu, stage, stage.passes.front().run, problem));
  return "| " + std::string(stage.name) + " | " + cell(seconds_text(p.seconds)) + " | " +
         rate_text(p.tflops()) + " | " + std::string(name(p.bound())) + " | " +
         percent_text(share_without_work(p)) + " | " + cell(bytes_text(p.hbm_bytes)) + " | " +
         cell(bytes_text(p.block_bytes)) + " |\n";
}

}  // namespace

std::string model_table(const std::string& what, const std::vector<Stage>& stages) {
  std::istringstream words(what);
  std::vector<std::string> names;
  std::string word;
  while (words >> word && !word.starts_with("--")) names.push_back(word);
  const std::string chosen = what.substr(std::min(what.find("--"), what.size()));
  std::istringstream rest(chosen);
  Arguments arguments;
  while (rest >> word) arguments.push_back(word);

  const Options options("model", joined({model_options, problem_options}), arguments);
  const Problem problem = parse_problem(options, predicted_problem(find_stage("03", stages)));
  const model::Gpu& gpu = model::find_gpu(options.one("--gpu", "h100"));
  std::string table =
      "| | time | TFLOP/s | limited by | SMs without work | HBM | into and out of blocks |\n"
      "|---|--:|--:|---|--:|--:|--:|\n";
  const bool backward = options.given("--backward");
  for (const std::string& name : names)
    table += row(find_stage(name, stages), gpu, problem, backward);
  return table + "\n<sub>Modelled, not measured: " + std::string(gpu.name) + ", " +
         problem_text(problem) + ". `./ladder timeline STAGE " +
         (backward ? "--backward" : "--tiles own") + "` shows each, cycle by cycle.</sub>\n";
}

}  // namespace flash
