// `ladder experiment steps`: what each idea on the way from stage to stage buys.
#include "bench/experiments/experiment.h"
#include "bench/timing.h"
#include "bench/verdict.h"
#include "check/generator.h"
#include "report/units.h"
#include "tile/cpu/parallel.h"

namespace flash {
namespace {

constexpr int rounds = 5;

struct Row {
  const Stage* stage;
  Verdict verdict = {};
  std::vector<double> seconds = {};
};

struct Group {  // of the steps to one stage
  const Stage* stage;
  std::vector<Row> rows;
};

// Checks the rows, then times them in turns, so that a slow spell of the machine meets all of them.
Group measure(const Stage& stage, const Environment& environment, std::uint64_t seed) {
  const Problem problem = steps_problem(stage);
  const Inputs inputs = generate(problem, seed);
  const Expected expected = expect(problem, inputs);
  tile::cpu::Device device;
  Group group{&stage, {}};
  for (const Stage* step : steps_to(stage, environment.stages))
    group.rows.push_back({step, run_and_check(*step, device, problem, inputs, expected)});
  Outputs outputs = unwritten_outputs(problem);
  const AttentionArgs args = make_args(problem, inputs, outputs);
  for (int round = 0; round < rounds; ++round) {
    for (Row& row : group.rows) {
      const auto forward = [&] { row.stage->forward(device, args); };
      forward();  // the caches are not as another row has left them
      for (double sum = 0; sum < 0.05; sum += row.seconds.back())
        row.seconds.push_back(seconds_of(forward));
    }
  }
  return group;
}

double share(const Group& group, const Row& row, const Peaks& peaks) {
  return nominal_flops(steps_problem(*group.stage)) / median(row.seconds) * 1e-9 / peaks.fma_gflops;
}

std::string bytes(const tile::PerTensor& of) {
  return bytes_text(static_cast<double>(of.total()));
}

TextTable table_of(const std::vector<Group>& groups, const Peaks& peaks) {
  TextTable table({{"", true},
                   {"", true},
                   {"HBM\nread"},
                   {"HBM\nwritten"},
                   {"work-\nspace"},
                   {"median\ntime"},
                   {"share\nof peak"}});
  for (const Group& group : groups) {
    for (const Row& row : group.rows) {
      const bool indent = row.stage != group.stage && &row != &group.rows.front();
      table.add_row({{(indent ? "  " : "") + std::string(row.stage->name)},
                     row.verdict.passed() ? Cell{"pass", Tone::good} : Cell{"FAIL", Tone::bad},
                     {bytes(row.verdict.counters.hbm_read)},
                     {bytes(row.verdict.counters.hbm_write)},
                     {bytes(row.verdict.counters.hbm_workspace)},
                     {seconds_text(median(row.seconds))},
                     {percent_text(share(group, row, peaks))}});
    }
  }
  return table;
}

constexpr const char* introduction =
    "Each stage that has steps, below the stage that it builds on. 01: 4 heads, N = 4096, d = 64, "
    "f32; 03 and 04: the same under a causal mask; 06: 1 query, 16384 keys, d = 128, 16 heads on 2 "
    "key heads. Share is of the FMA peak.";

Figures figures_of(const std::vector<Group>& groups, const Peaks& peaks) {
  Figures figures = {.facts = {{"experiment", "steps"}, {"fma_peak_gflops", peaks.fma_gflops}},
                     .figures = {}};
  for (const Group& group : groups)
    for (const Row& row : group.rows)
      figures.figures.push_back({{"to", std::string(group.stage->name)},
                                 {"name", std::string(row.stage->name)},
                                 {"passed", row.verdict.passed()},
                                 {"seconds", median(row.seconds)},
                                 {"fraction_of_peak", share(group, row, peaks)}});
  return figures;
}

}  // namespace

std::vector<const Stage*> steps_to(const Stage& stage, const std::vector<Stage>& stages,
                                   Pass::Kind kind) {
  std::vector<const Stage*> steps;
  const Stage* before = nullptr;
  for (const Stage& other : stages) {
    if (is_step_of(other, stage, kind)) steps.push_back(&other);
    const bool has_one = kind == Pass::Kind::forward || other.backward();
    if (has_one && !other.is_step() && other.name < stage.name) before = &other;
  }
  if (steps.empty()) return {};
  // 06 has neither the roles of 04 nor the formats of 05.
  if (stage.name.starts_with("06_")) before = &find_stage("03_v2", stages);
  if (before != nullptr) steps.insert(steps.begin(), before);
  steps.push_back(&stage);
  return steps;
}

Problem steps_problem(const Stage& stage) {
  if (stage.name.starts_with("06_"))
    return {.heads = 16, .kv_heads = 2, .seqlen_q = 1, .seqlen_k = 16384, .head_dim = 128};
  const bool causal = !stage.name.starts_with("01_");
  return {.heads = 4, .kv_heads = 4, .seqlen_q = 4096, .seqlen_k = 4096, .causal = causal};
}

int steps_experiment(const ExperimentOptions& options, const Environment& environment) {
  const Peaks peaks = environment.measure_peaks(tile::cpu::hardware_threads());
  std::vector<Group> groups;
  for (const Stage& stage : environment.stages)
    if (!steps_to(stage, environment.stages).empty())
      groups.push_back(measure(stage, environment, options.seed));
  if (groups.empty()) throw BadInput("stage", "none has steps", "one whose folder has some");
  const TextTable table = table_of(groups, peaks);
  environment.out << paragraph(environment.terminal, "", introduction) << "\n"
                  << table.text(environment.terminal);
  write_figures(options.json, figures_of(groups, peaks), table);
  bool passed = true;
  for (const Group& group : groups)
    for (const Row& row : group.rows) {
      if (row.verdict.passed()) continue;
      environment.out << "\n" << row.stage->name << ": " << describe(row.verdict) << "\n";
      passed = false;
    }
  return passed ? 0 : 1;
}

}  // namespace flash
