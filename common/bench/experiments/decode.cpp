// `ladder experiment decode`: how fast stage 06 reads a KV cache.
#include <algorithm>
#include <map>

#include "bench/cached_inputs.h"
#include "bench/experiments/experiment.h"
#include "bench/read_memory.h"
#include "bench/timing.h"
#include "check/checker.h"
#include "report/units.h"
#include "stages/execute.h"
#include "tile/cpu/parallel.h"

namespace flash {
namespace {

constexpr int rounds = 15;

struct Row {
  DType cache;
  std::int64_t page_size;  // 0: no block table
  int splits;
  CheckResult result = {};
  std::vector<double> seconds = {};  // of each round
  double read_gbs = 0;               // the bandwidth beside them: the median of the rounds
};

Problem problem_of(DType cache) {
  const DType dtype = cache == DType::e4m3 ? DType::bf16 : cache;
  return {.heads = 16,
          .kv_heads = 2,
          .seqlen_q = 1,
          .seqlen_k = 1 << 16,
          .head_dim = 128,
          .dtype = dtype};
}

double cache_bytes(DType cache) {
  return 2.0 * static_cast<double>(k_elements(problem_of(cache))) * size_in_bytes(cache);
}

double gbs(const Row& row) {
  return cache_bytes(row.cache) / median(row.seconds) * 1e-9;
}

// How a server may hold the cache, and how often its keys may be split.
std::vector<Row> rows_of(DType cache) {
  std::vector<Row> rows;
  for (int splits = 1; splits <= 128; splits *= 2) rows.push_back({cache, 0, splits});
  for (const std::int64_t page_size : {1, 16, 256}) rows.push_back({cache, page_size, 16});
  return rows;
}

// Checks the rows of one cache type, then times them in turns, and the read bandwidth with them, so
// that a slow spell of the machine meets all of them.
std::vector<Row> measure(const Stage& stage, DType type, std::uint64_t seed,
                         const Environment& environment) {
  const Problem p = problem_of(type);
  const Inputs inputs = generate_for_cache(p, type, seed);
  const Expected expected = expect(p, inputs);
  Outputs outputs = unwritten_outputs(p);
  tile::cpu::Device device;
  std::vector<Row> rows = rows_of(type);
  std::map<std::int64_t, KvCache> caches;  // by page size
  for (Row& row : rows) {
    if (!caches.contains(row.page_size))
      caches[row.page_size] = filled_cache(p, inputs, type, row.page_size, seed);
    outputs = unwritten_outputs(p);
    stage.forward(device,
                  with_cache(make_args(p, inputs, outputs), caches[row.page_size], row.splits));
    row.result = check(p, expected, outputs);
  }
  Evictor evictor(tile::cpu::hardware_threads());
  std::vector<double> read_gbs;
  for (int round = 0; round < rounds; ++round) {
    read_gbs.push_back(environment.measure_peaks(tile::cpu::hardware_threads()).read_gbs);
    for (Row& row : rows) {
      const AttentionArgs cached =
          with_cache(make_args(p, inputs, outputs), caches[row.page_size], row.splits);
      evictor.run();
      row.seconds.push_back(seconds_of([&] { stage.forward(device, cached); }));
    }
  }
  for (Row& row : rows) row.read_gbs = median(read_gbs);
  return rows;
}

TextTable table_of(const std::vector<Row>& rows) {
  TextTable table({{"\ncache", true},
                   {"page\nsize"},
                   {"\nsplits"},
                   {"median\ntime"},
                   {"\nGB/s"},
                   {"\nshare"},
                   {"", true},
                   {"max\nerror"},
                   {"\nbound"},
                   {"error\nof LSE"}});
  for (const Row& row : rows)
    table.add_row({{row.page_size == 0 && row.splits == 1 ? std::string(name(row.cache)) : ""},
                   {row.page_size == 0 ? "" : std::to_string(row.page_size)},
                   {std::to_string(row.splits)},
                   {seconds_text(median(row.seconds))},
                   {rate_text(gbs(row))},
                   {percent_text(gbs(row) / row.read_gbs)},
                   row.result.passed ? Cell{"pass", Tone::good} : Cell{"FAIL", Tone::bad},
                   {error_text(row.result.max_abs_error)},
                   {error_text(row.result.error_bound)},
                   {error_text(row.result.lse_max_abs_error)}});
  return table;
}

std::string text(const TextTable& table, const Terminal& terminal) {
  return paragraph(terminal, "",
                   "1 query, 65536 keys, d = 128, 16 query heads on 2 key heads; GB/s of K and V, "
                   "and their share of the read bandwidth beside them, all medians. Pages lie in "
                   "random order; without a page size the keys lie in a row.") +
         "\n" + table.text(terminal);
}

}  // namespace

int decode_experiment(const ExperimentOptions& options, const Environment& environment) {
  const Stage& stage = find_stage("06_flash_decoding", environment.stages);
  std::vector<Row> rows;
  for (const DType type : {DType::f32, DType::bf16, DType::f16, DType::e4m3}) {
    const std::vector<Row> more = measure(stage, type, options.seed, environment);
    rows.insert(rows.end(), more.begin(), more.end());
  }
  const TextTable table = table_of(rows);
  environment.out << text(table, environment.terminal);
  Figures figures = {.facts = {{"experiment", "decode"}}, .figures = {}};
  for (const Row& row : rows)
    figures.figures.push_back({{"cache", std::string(name(row.cache))},
                               {"page_size", row.page_size},
                               {"splits", row.splits},
                               {"passed", row.result.passed},
                               {"seconds", median(row.seconds)},
                               {"gbs", gbs(row)},
                               {"share_of_read_bandwidth", gbs(row) / row.read_gbs},
                               {"max_abs_error", row.result.max_abs_error},
                               {"error_bound", row.result.error_bound},
                               {"lse_max_abs_error", row.result.lse_max_abs_error}});
  write_figures(options.json, figures, table);
  return std::all_of(rows.begin(), rows.end(), [](const Row& row) { return row.result.passed; })
             ? 0
             : 1;
}

}  // namespace flash
