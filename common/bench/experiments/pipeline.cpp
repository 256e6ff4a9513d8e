// `ladder experiment pipeline`: stage 04 without its parts, Table 2 of the FlashAttention-3 paper.
#include "bench/experiments/experiment.h"
#include "bench/timing.h"
#include "check/generator.h"
#include "report/units.h"
#include "stages/execute.h"

namespace flash {
namespace {

// Shah et al., FlashAttention-3 (arXiv:2407.08608), Table 2, has {4, 8448, 16, 128} in FP16; a CPU
// takes a second for this sixteenth of it.
const Problem problem{
    .heads = 4, .kv_heads = 4, .seqlen_q = 4224, .seqlen_k = 4224, .head_dim = 128};
constexpr int rounds = 11;

struct Row {
  std::string name;
  Pass::Run forward;
  const char* paper;  // TFLOP/s on an H100
  std::vector<double> seconds = {};
};

std::vector<Row> rows(const std::vector<Stage>& stages) {
  const Stage& v2 = find_stage("03_v2", stages);
  const Stage& v3 = find_stage("04_v3_hopper", stages);
  std::vector<Row> all = {{std::string(v2.name), v2.passes.front().run, ""},
                          {std::string(v3.name), v3.passes.front().run, "661"}};
  for (const Variant& variant : v3.variants)
    all.push_back({"  " + std::string(variant.name), variant.run,
                   variant.name == "without producer"  ? "570"
                   : variant.name == "without overlap" ? "582"
                                                       : ""});
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
  TextTable table(
      {{"", true}, {"median\ntime"}, {"\nGFLOP/s"}, {"\nspeed"}, {"paper, H100\nTFLOP/s"}});
  for (const Row& row : all) {
    char ratio[16];
    std::snprintf(ratio, sizeof ratio, "%.2f", reference / median(row.seconds));
    table.add_row({{row.name},
                   {seconds_text(median(row.seconds))},
                   {rate_text(gflops(row))},
                   {ratio},
                   {row.paper}});
  }
  return table;
}

std::string text(const TextTable& table, const Terminal& terminal) {
  return paragraph(terminal, "",
                   "4 heads, N = 4224, d = 128, f32, no mask; speed is relative to 03_v2. Paper: "
                   "FlashAttention-3, Table 2, in FP16, which has no figure without ping-pong.") +
         "\n" + table.text(terminal);
}

}  // namespace

int pipeline_experiment(const ExperimentOptions& options, const Environment& environment) {
  std::vector<Row> all = rows(environment.stages);
  measure(all, options.seed);
  const TextTable table = table_of(all);
  environment.out << text(table, environment.terminal);
  Figures figures = {.facts = {{"experiment", "pipeline"}}, .figures = {}};
  for (const Row& row : all)
    figures.figures.push_back(
        {{"name", row.name}, {"seconds", median(row.seconds)}, {"gflops", gflops(row)}});
  write_figures(options.json, figures, table);
  return 0;
}

}  // namespace flash
