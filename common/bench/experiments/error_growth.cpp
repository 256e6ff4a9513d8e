// Does the error of attention grow with the number of keys?
#include <algorithm>
#include <array>
#include <cmath>
#include <span>
#include <utility>

#include "bench/experiments/experiment.h"
#include "bench/experiments/reciprocal.h"
#include "check/errors.h"
#include "check/generator.h"
#include "check/reference.h"
#include "report/units.h"
#include "stages/execute.h"

namespace flash {
namespace {

constexpr std::int64_t first_length = 1 << 10;
constexpr int lengths = 6;  // each four times the one before
constexpr const char* length_names[lengths] = {"1k", "4k", "16k", "64k", "256k", "1M"};

// Keys that the rows at the start of a causal sequence see. A masked key and one that scores so
// much below the visible ones have the same weight, 0; so a few rows stand for a sequence of a
// million.
constexpr std::int64_t visible = 100;
constexpr double below = 200;

constexpr std::string_view with_reciprocal = "02, x (1/l)";

enum class Queries { see_all, at_start };
constexpr std::int64_t queries_that_see_all = 64;
constexpr std::int64_t queries_at_start = 256;  // few of them have an l that drifts

struct Error {
  double max = 0, rms = 0;
};

struct Row {
  DType dtype;
  Queries queries;
  std::string kernel;
  Pass::Run forward;
  int splits;
  std::array<Error, lengths> errors = {};
};

Problem problem_of(DType dtype, Queries which, std::int64_t keys) {
  return {.heads = 2,
          .kv_heads = 1,
          .seqlen_q = which == Queries::see_all ? queries_that_see_all : queries_at_start,
          .seqlen_k = keys,
          .dtype = dtype};
}

// Lets only the first keys weigh anything: the last column of q and k lowers the others' scores.
void hide_later_keys(const Problem& p, Inputs& inputs) {
  const auto root = static_cast<float>(std::sqrt(below / p.softmax_scale()));
  for (std::int64_t row = 0; row < p.seqlen_q * p.heads; ++row)
    set_element(inputs.q, p.dtype, (row + 1) * p.head_dim - 1, root);
  for (std::int64_t key = 0; key < p.seqlen_k; ++key)
    set_element(inputs.k, p.dtype, (key + 1) * p.head_dim - 1, key < visible ? 0 : -root);
}

Error error_of(const Problem& p, const RowResults<double>& reference, const Outputs& outputs) {
  Errors errors;
  double squares = 0;
  for (std::int64_t i = 0; i < q_elements(p); ++i) {
    const double e = error(element(outputs.o, p.dtype, i), reference.o[i]);
    errors.add(e);
    squares += e * e;
  }
  return {errors.max, std::sqrt(squares / static_cast<double>(errors.count))};
}

constexpr std::size_t kernels = 6;

// Of each dtype and kind of rows, one for each kernel.
std::vector<Row> rows_of(const std::vector<Stage>& stages) {
  const Pass::Run& forward_02 = find_stage("02_online_softmax", stages).passes.front().run;
  const Pass::Run& forward_03 = find_stage("03_v2", stages).passes.front().run;
  const Pass::Run& forward_06 = find_stage("06_flash_decoding", stages).passes.front().run;
  std::vector<Row> rows;
  for (const DType dtype : {DType::f32, DType::bf16})
    for (const Queries which : {Queries::see_all, Queries::at_start}) {
      rows.push_back({dtype, which, "02", forward_02, 0});
      rows.push_back({dtype, which, std::string(with_reciprocal),
                      run_on(normalised_forward<Division::by_reciprocal>), 0});
      rows.push_back({dtype, which, "03", forward_03, 0});
      rows.push_back({dtype, which, "06, 1 split", forward_06, 1});
      rows.push_back({dtype, which, "06, 8 splits", forward_06, 8});
      rows.push_back({dtype, which, "06, 128 splits", forward_06, 128});
    }
  return rows;
}

// In the rows of the table for a dtype and a kind of rows, the column of a length.
void measure(std::span<Row> rows, int length, std::uint64_t seed) {
  const auto [dtype, which] = std::pair(rows.front().dtype, rows.front().queries);
  const Problem p = problem_of(dtype, which, first_length << 2 * length);
  Inputs inputs = generate(p, 8 * seed);  // the pattern without extreme scores
  Problem weighed = p;                    // the keys that weigh anything
  if (which == Queries::at_start) {
    weighed.seqlen_k = visible;
    inputs.q = generate(weighed, 8 * seed).q;  // whatever comes later, the same rows
    hide_later_keys(p, inputs);
  }
  const RowResults<double> reference = reference_forward(weighed, inputs, all_rows(weighed));
  tile::cpu::Device device;
  for (Row& row : rows) {
    Outputs outputs = unwritten_outputs(p);
    AttentionArgs args = make_args(p, inputs, outputs);
    args.splits = row.splits;
    row.forward(device, args);
    row.errors[length] = error_of(p, reference, outputs);
  }
}

// Does a stage get worse by tiles that weigh nothing? The reciprocal is there to show what that is.
bool drifts(const Row& row) {
  return row.queries == Queries::at_start && row.kernel != with_reciprocal &&
         !(row.errors.back().max <= 2 * row.errors.front().max);
}

std::string group_text(const Row& row) {
  return std::string(name(row.dtype)) + (row.queries == Queries::see_all ? ", all" : ", first");
}

TextTable table_of(const std::vector<Row>& rows) {
  std::vector<Column> columns = {{"", true}, {"max error of\nN =", true}};
  for (const char* length : length_names) columns.push_back({"\n" + std::string(length)});
  columns.push_back({"RMS\n1M"});
  TextTable table(columns);
  std::string group;
  for (const Row& row : rows) {
    const bool begins = group_text(row) != group;
    group = group_text(row);
    std::vector<Cell> cells = {{begins ? group : ""}, {row.kernel}};
    for (const Error& e : row.errors) cells.push_back({error_text(e.max)});
    cells.push_back({error_text(row.errors.back().rms)});
    table.add_row(cells);
  }
  return table;
}

std::string text(const TextTable& table, const Terminal& terminal) {
  return paragraph(terminal, "",
                   "Error of O against double precision: 2 heads that share N keys, d = 64. all: "
                   "64 queries that see all N keys. first: 256 queries at the start of a causal "
                   "sequence of N, which see 100 keys; here the others score 200 less, and so "
                   "weigh exactly 0, as if they were masked. x (1/l): stage 02 if it multiplied O "
                   "by a rounded 1/l where it divides.") +
         "\n" + table.text(terminal);
}

Figures to_figures(const std::vector<Row>& rows, std::uint64_t seed) {
  Figures all{.facts = {{"experiment", "error_growth"}, {"seed", static_cast<std::int64_t>(seed)}},
              .figures = {}};
  for (const Row& row : rows)
    for (int i = 0; i < lengths; ++i)
      all.figures.push_back({{"dtype", std::string(name(row.dtype))},
                             {"rows", row.queries == Queries::see_all ? "all" : "first"},
                             {"kernel", row.kernel},
                             {"keys", first_length << 2 * i},
                             {"max_abs_error", row.errors[i].max},
                             {"rms_error", row.errors[i].rms}});
  return all;
}

}  // namespace

int error_growth_experiment(const ExperimentOptions& options, const Environment& environment) {
  std::vector<Row> rows = rows_of(environment.stages);
  for (std::size_t first = 0; first < rows.size(); first += kernels)
    for (int length = 0; length < lengths; ++length)
      measure(std::span(rows).subspan(first, kernels), length, options.seed);
  const TextTable table = table_of(rows);
  environment.out << text(table, environment.terminal);
  write_figures(options.json, to_figures(rows, options.seed), table);
  return std::any_of(rows.begin(), rows.end(), drifts) ? 1 : 0;
}

}  // namespace flash
