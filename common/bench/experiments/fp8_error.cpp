// `ladder experiment fp8_error`: Table 3 of the FlashAttention-3 paper.
#include <cmath>

#include "attention/random.h"
#include "bench/experiments/experiment.h"
#include "bench/experiments/normal.h"
#include "check/reference.h"
#include "check/row_blocks.h"
#include "report/units.h"
#include "stages/execute.h"
#include "tile/cpu/parallel.h"

namespace flash {
namespace {

// Shah et al., FlashAttention-3 (arXiv:2407.08608), section 4.3 and Table 3. The paper does not
// state the shape; at this sequence length and head dimension all its figures come out. Several
// heads, as the few rows with outliers make most of the error.
const Problem problem{
    .heads = 4, .kv_heads = 4, .seqlen_q = 8192, .seqlen_k = 8192, .head_dim = 128};
constexpr double tolerance = 0.25;

// N(0, 1) + N(0, 100) Bernoulli(0.001): one element in a thousand is an outlier.
Buffer draw(DType dtype, std::uint64_t key) {
  const std::int64_t rows = problem.seqlen_q, d = problem.heads * problem.head_dim;
  Buffer buffer(rows * d * size_in_bytes(dtype));
  tile::cpu::parallel_for(rows, 1e3 * static_cast<double>(d * rows), [&](std::int64_t row) {
    for (std::int64_t i = row * d; i < (row + 1) * d; ++i) {
      double x = normal(key, 2 * i);
      if (random_below(1000, ~key, i) == 0) x += 10 * normal(key, 2 * i + 1);
      set_element(buffer, dtype, i, static_cast<float>(x));
    }
  });
  return buffer;
}

Inputs draw_inputs(DType dtype, std::uint64_t seed) {
  return {draw(dtype, random_bits(seed, 0)), draw(dtype, random_bits(seed, 1)),
          draw(dtype, random_bits(seed, 2))};
}

// In place: what E4M3 makes of f16 elements with one scale for all of them.
void quantise(Buffer& buffer) {
  const auto count = static_cast<std::int64_t>(buffer.size()) / size_in_bytes(DType::f16);
  float largest = 0;
  for (std::int64_t i = 0; i < count; ++i)
    largest = std::max(largest, std::abs(element(buffer, DType::f16, i)));
  const float scale = block_scale(largest, DType::e4m3);
  for (std::int64_t i = 0; i < count; ++i)
    set_element(buffer, DType::f16, i,
                scale * tile::to_float(tile::to_e4m3(element(buffer, DType::f16, i) / scale)));
}

void round_to_f16(RowSlice<float> row) {
  for (float& x : row) x = tile::to_float(tile::from_float<tile::f16>(x));
}

// Attention as a framework without fusion computes it: QKᵀ, the scaled scores, P and O are each
// rounded to FP16; sums are fp32.
std::vector<float> standard_attention(const Problem& in_f16, const Inputs& inputs,
                                      const Rows& rows) {
  Operands unscaled = operands(in_f16, inputs);
  unscaled.scale = 1;
  const auto scale = static_cast<float>(in_f16.softmax_scale());
  const auto softmax = [scale](RowSlice<float> row, const RowId&) -> RowSum<float> {
    round_to_f16(row);
    row *= scale;
    round_to_f16(row);
    row = (row.array() - row.maxCoeff()).exp();
    row /= row.sum();
    round_to_f16(row);
    return {1, 0};
  };
  std::vector<float> o = attend_rows<float>(in_f16, unscaled, rows, softmax).o;
  for (float& x : o) x = tile::to_float(tile::from_float<tile::f16>(x));
  return o;
}

double rmse(const std::vector<double>& expected, auto&& actual) {
  double sum = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const double error = actual(i) - expected[i];
    sum += error * error;
  }
  return std::sqrt(sum / static_cast<double>(expected.size()));
}

struct Figure {
  std::string precision, name, computed_by;
  double paper, error;

  bool passed() const { return std::abs(error / paper - 1) <= tolerance; }
};

// Of a stage, or of its variant.
const Pass::Run& find(const std::vector<Stage>& stages, std::string_view name,
                      std::string_view variant = {}) {
  const Stage& stage = find_stage(name, stages);
  return variant.empty() ? stage.passes.front().run : find_variant(stage, variant);
}

class Table3 {
 public:
  Table3(std::uint64_t seed, const std::vector<Stage>& stages)
      : stages_(stages), inputs_(draw_inputs(DType::f16, seed)), rows_(all_rows(problem)) {
    in_f16_.dtype = DType::f16;
    reference_ = reference_forward(problem, draw_inputs(DType::f32, seed), rows_).o;
  }

  double standard(const Inputs& inputs) const {
    const std::vector<float> o = standard_attention(in_f16_, inputs, rows_);
    return rmse(reference_, [&](std::size_t i) { return o[i]; });
  }

  double kernel(const Pass::Run& forward) const {
    Outputs outputs = unwritten_outputs(in_f16_);
    tile::cpu::Device device;
    forward(device, make_args(in_f16_, inputs_, outputs));
    return rmse(reference_, [&](std::size_t i) {
      return element(outputs.o, DType::f16, static_cast<std::int64_t>(i));
    });
  }

  std::vector<Figure> figures() const {
    Inputs per_tensor = inputs_;
    for (Buffer* buffer : {&per_tensor.q, &per_tensor.k, &per_tensor.v}) quantise(*buffer);
    const auto of = [&](auto... name) { return kernel(find(stages_, name...)); };
    return {
        {"FP16", "standard attention", "plain, S and P in FP16", 3.2e-4, standard(inputs_)},
        {"FP16", "FlashAttention-2", "03_v2", 1.9e-4, of("03_v2")},
        {"FP16", "FlashAttention-3", "04_v3_hopper", 1.9e-4, of("04_v3_hopper")},
        {"FP8", "standard attention", "plain, a scale per tensor", 2.4e-2, standard(per_tensor)},
        {"FP8", "FlashAttention-3", "05_fp8", 9.1e-3, of("05_fp8")},
        {"FP8", "without block scales", "05_fp8, a scale per head", 9.3e-3,
         of("05_fp8", "without block scales")},
        {"FP8", "without rotation", "05_fp8, Q and K as they are", 2.4e-2,
         of("05_fp8", "without rotation")},
    };
  }

 private:
  const std::vector<Stage>& stages_;
  Problem in_f16_ = problem;
  Inputs inputs_;
  Rows rows_;
  std::vector<double> reference_;
};

TextTable table_of(const std::vector<Figure>& figures) {
  TextTable table({{"", true}, {"", true}, {"computed by", true}, {"RMSE"}, {"paper"}, {"ratio"}});
  for (const Figure& f : figures) {
    char ratio[16];
    std::snprintf(ratio, sizeof ratio, "%.2f", f.error / f.paper);
    table.add_row({{f.precision},
                   {f.name},
                   {f.computed_by},
                   {error_text(f.error)},
                   {error_text(f.paper)},
                   {ratio, f.passed() ? Tone::good : Tone::bad}});
  }
  return table;
}

std::string text(const TextTable& table, std::uint64_t seed, const Terminal& terminal) {
  return paragraph(terminal, "",
                   "Root mean square error of O against double precision from unrounded inputs, "
                   "N(0, 1) + N(0, 100) Bernoulli(0.001), seed " +
                       std::to_string(seed) +
                       "; 4 heads, N = 8192, d = 128, no mask. Paper: FlashAttention-3, Table 3; "
                       "a ratio of 0.75 to 1.25 passes.") +
         "\n" + table.text(terminal);
}

Figures to_figures(const std::vector<Figure>& figures, std::uint64_t seed) {
  Figures all{.facts = {{"experiment", "fp8_error"},
                        {"seed", static_cast<std::int64_t>(seed)},
                        {"seqlen", problem.seqlen_q},
                        {"head_dim", problem.head_dim},
                        {"tolerance", tolerance}},
              .figures = {}};
  for (const Figure& f : figures)
    all.figures.push_back({{"precision", f.precision},
                           {"name", f.name},
                           {"computed_by", f.computed_by},
                           {"rmse", f.error},
                           {"paper", f.paper},
                           {"passed", f.passed()}});
  return all;
}

}  // namespace

int fp8_error_experiment(const ExperimentOptions& options, const Environment& environment) {
  const std::vector<Figure> figures = Table3(options.seed, environment.stages).figures();
  const TextTable table = table_of(figures);
  environment.out << text(table, options.seed, environment.terminal);
  write_figures(options.json, to_figures(figures, options.seed), table);
  return std::all_of(figures.begin(), figures.end(), [](const Figure& f) { return f.passed(); })
             ? 0
             : 1;
}

}  // namespace flash
