// `ladder experiment fp8_accumulator`: what the 22 bits of Hopper's FP8 sums cost, by the number of
// keys.
#include <algorithm>
#include <array>
#include <cmath>
#include <span>

#include "bench/experiments/experiment.h"
#include "bench/experiments/normal.h"
#include "check/reference.h"
#include "report/units.h"
#include "stages/execute.h"

namespace flash {
namespace {

constexpr std::int64_t first_length = 1 << 10;
constexpr int lengths = 5;  // each four times the one before
constexpr const char* length_names[lengths] = {"1k", "4k", "16k", "64k", "256k"};

// Where V has a mean, so many keys show the loss: this much more error than with sums in fp32.
// Promotion mends it: at most so much more, with any number of keys.
constexpr double lost = 10, mended = 1.25;

constexpr int kernels = 3;
constexpr const char* kernel_names[kernels] = {"in fp32", "in 22 bits", "promoted"};

struct Row {
  double mean_of_V;
  int kernel;
  Pass::Run forward;
  std::array<double, lengths> errors = {};
};

Problem problem_of(std::int64_t keys) {
  return {.heads = 1, .kv_heads = 1, .seqlen_q = 128, .seqlen_k = keys};
}

Buffer draw(std::int64_t elements, std::uint64_t key, double mean) {
  Buffer buffer(elements * size_in_bytes(DType::f32));
  for (std::int64_t i = 0; i < elements; ++i)
    set_element(buffer, DType::f32, i, static_cast<float>(mean + normal(key, i)));
  return buffer;
}

Inputs draw_inputs(const Problem& p, std::uint64_t seed, double mean_of_V) {
  return {draw(q_elements(p), random_bits(seed, 0), 0),
          draw(k_elements(p), random_bits(seed, 1), 0),
          draw(k_elements(p), random_bits(seed, 2), mean_of_V)};
}

// Root mean square, relative to that of O.
double error_of(const std::vector<double>& expected, const Buffer& o) {
  double errors = 0, size = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const double e = element(o, DType::f32, static_cast<std::int64_t>(i)) - expected[i];
    errors += e * e;
    size += expected[i] * expected[i];
  }
  return std::sqrt(errors / size);
}

std::vector<Row> rows_of(const Stage& stage) {
  std::vector<Row> rows;
  for (const double mean : {0.0, 1.0}) {
    rows.push_back({mean, 0, stage.passes.front().run});
    rows.push_back({mean, 1, find_variant(stage, "22-bit sums")});
    rows.push_back({mean, 2, find_variant(stage, "promoted sums")});
  }
  return rows;
}

// In the rows of the table for a mean of V, the column of a length.
void measure(std::span<Row> rows, int length, std::uint64_t seed) {
  const Problem p = problem_of(first_length << 2 * length);
  const Inputs inputs = draw_inputs(p, seed, rows.front().mean_of_V);
  const std::vector<double> reference = reference_forward(p, inputs, all_rows(p)).o;
  tile::cpu::Device device;
  for (Row& row : rows) {
    Outputs outputs = unwritten_outputs(p);
    row.forward(device, make_args(p, inputs, outputs));
    row.errors[length] = error_of(reference, outputs.o);
  }
}

bool is_lost_and_mended(const std::vector<Row>& rows) {
  if (!(rows[kernels + 1].errors.back() >= lost * rows[kernels].errors.back())) return false;
  for (std::size_t first = 0; first < rows.size(); first += kernels)
    for (int i = 0; i < lengths; ++i)
      if (!(rows[first + 2].errors[i] <= mended * rows[first].errors[i])) return false;
  return true;
}

TextTable table_of(const std::vector<Row>& rows) {
  std::vector<Column> columns = {{"V", true}, {"sums", true}};
  for (const char* length : length_names) columns.push_back({length});
  TextTable table(columns);
  for (const Row& row : rows) {
    const char* V = row.mean_of_V == 0 ? "mean 0" : "mean 1";
    std::vector<Cell> cells = {{row.kernel == 0 ? V : ""}, {kernel_names[row.kernel]}};
    for (const double error : row.errors) cells.push_back({error_text(error)});
    table.add_row(cells);
  }
  return table;
}

std::string text(const TextTable& table, const Terminal& terminal) {
  return paragraph(terminal, "",
                   "Relative root mean square error of stage 05's O against double precision from "
                   "unrounded inputs: 128 queries, N keys, d = 64; Q and K are N(0, 1), V is "
                   "N(0, 1) or N(1, 1). 22 bits: the sums of QKᵀ and PV as Hopper's tensor cores "
                   "make them in FP8, emulated. promoted: the same, but the sum of a key tile "
                   "starts from zero and is added to O in fp32.") +
         "\n" + table.text(terminal);
}

Figures to_figures(const std::vector<Row>& rows, std::uint64_t seed) {
  Figures all{.facts = {{"experiment", "fp8_accumulator"},
                        {"seed", static_cast<std::int64_t>(seed)},
                        {"seqlen_q", problem_of(0).seqlen_q},
                        {"head_dim", problem_of(0).head_dim}},
              .figures = {}};
  for (const Row& row : rows)
    for (int i = 0; i < lengths; ++i)
      all.figures.push_back({{"mean_of_v", row.mean_of_V},
                             {"sums", std::string(kernel_names[row.kernel])},
                             {"keys", first_length << 2 * i},
                             {"relative_rms_error", row.errors[i]}});
  return all;
}

}  // namespace

int fp8_accumulator_experiment(const ExperimentOptions& options, const Environment& environment) {
  std::vector<Row> rows = rows_of(find_stage("05_fp8", environment.stages));
  for (std::size_t first = 0; first < rows.size(); first += kernels)
    for (int length = 0; length < lengths; ++length)
      measure(std::span(rows).subspan(first, kernels), length, options.seed);
  const TextTable table = table_of(rows);
  environment.out << text(table, environment.terminal);
  write_figures(options.json, to_figures(rows, options.seed), table);
  return is_lost_and_mended(rows) ? 0 : 1;
}

}  // namespace flash
