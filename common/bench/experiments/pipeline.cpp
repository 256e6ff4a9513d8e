// `ladder experiment pipeline`: stage 04 without its parts, Table 2 of the FlashAttention-3 paper:
// on this CPU, on a modelled H100, and as published.
#include "attention/published_problem.h"
#include "bench/experiments/experiment.h"
#include "bench/timing.h"
#include "check/generator.h"
#include "model/predict.h"
#include "report/text.h"
#include "report/units.h"
#include "stages/execute.h"

namespace flash {
namespace {

// Shah et al., FlashAttention-3 (arXiv:2407.08608), Table 2, in FP16; and what a CPU has time for.
const Problem& published = flash_attention_3_table_2;
const Problem problem{
    .heads = 4, .kv_heads = 4, .seqlen_q = 4224, .seqlen_k = 4224, .head_dim = 128};
constexpr int rounds = 11;

struct Row {
  std::string name;
  Pass::Run forward;
  double own_tiles, published_tiles;  // TFLOP/s of the modelled H100
  const char* paper;                  // TFLOP/s on an H100
  std::vector<double> seconds = {};
};

double modelled(const Stage& stage, const Pass::Run& run) {
  const model::Gpu& gpu = model::find_gpu("h100");
  return model::predict(gpu, model::record(gpu, stage, run, published)).tflops();
}

const char* paper_of(std::string_view variant) {
  return variant == "without producer" ? "570" : variant == "without overlap" ? "582" : "";
}

std::vector<Row> rows(const std::vector<Stage>& stages) {
  std::vector<Row> all;
  for (const char* name : {"03_v2", "04_v3_hopper"}) {
    const Stage& stage = find_stage(name, stages);
    const Stage& other = find_stage(name, stages_with_published_tiles());
    const Pass::Run &run = stage.passes.front().run, &other_run = other.passes.front().run;
    all.push_back(
        {name, run, modelled(stage, run), modelled(other, other_run), all.empty() ? "" : "661"});
    for (const Variant& variant : stage.variants)
      all.push_back({"  " + std::string(variant.name), variant.run, modelled(stage, variant.run),
                     modelled(other, find_variant(other, variant.name)), paper_of(variant.name)});
  }
  return all;
}

// The variants take turns, so that a slow spell of the machine meets all of them.
void measure(std::vector<Row>& all, std::uint64_t seed) {
  const Inputs inputs = generate(problem, seed);
  Outputs outputs = unwritten_outputs(problem);
  const AttentionArgs args = make_args(problem, inputs, outputs);
  tile::cpu::Device device;
  for (int round = -1; round < rounds; ++round) {  // the first warms up
    for (Row& row : all) {
      const double seconds = seconds_of([&] { row.forward(device, args); });
      if (round >= 0) row.seconds.push_back(seconds);
    }
  }
}

double gflops(const Row& row) {
  return nominal_flops(problem) / median(row.seconds) * 1e-9;
}

TextTable table_of(const std::vector<Row>& all) {
  const double reference = median(all.front().seconds);
  TextTable table({{"", true},
                   {"this CPU\ntime"},
                   {"\nspeed"},
                   {"modelled, TFLOP/s\nown tiles"},
                   {"\nFA's tiles"},
                   {"published\nTFLOP/s"}});
  for (const Row& row : all) {
    table.add_row({{row.name},
                   {seconds_text(median(row.seconds))},
                   {text_of("%.2f", reference / median(row.seconds))},
                   {text_of("%.0f", row.own_tiles)},
                   {text_of("%.0f", row.published_tiles)},
                   {row.paper}});
  }
  return table;
}

std::string text(const TextTable& table, const Terminal& terminal) {
  return paragraph(
             terminal, "",
             "This CPU: 4 heads, N = 4224, d = 128, f32, no mask; speed is relative to 03_v2. "
             "Modelled and published: an H100, {4, 8448, 16, 128} in FP16. Published: "
             "FlashAttention-3, Table 2, which has no figure without ping-pong. FA's tiles: "
             "those of FlashAttention-2 and 3, common/attention/published_tiles.h.") +
         "\n" + table.text(terminal);
}

}  // namespace

int pipeline_experiment(const ExperimentOptions& options, const Environment& environment) {
  std::vector<Row> all = rows(environment.stages);
  measure(all, options.seed);
  const TextTable table = table_of(all);
  environment.out << text(table, environment.terminal);
  Figures figures = {.facts = {{"experiment", "pipeline"},
                               {"problem",
                                "CPU: 4 heads, N = 4224, d = 128, f32. Modelled and published: "
                                "{4, 8448, 16, 128} in FP16 on an H100"}},
                     .figures = {}};
  for (const Row& row : all)
    figures.figures.push_back({{"name", row.name},
                               {"seconds", median(row.seconds)},
                               {"gflops", gflops(row)},
                               {"modelled_tflops_own_tiles", row.own_tiles},
                               {"modelled_tflops_published_tiles", row.published_tiles}});
  write_figures(options.json, figures, table);
  return 0;
}

}  // namespace flash
