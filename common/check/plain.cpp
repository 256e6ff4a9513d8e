#include "check/plain.h"

#include <bit>
#include <utility>

#include "attention/plan.h"
#include "check/row_blocks.h"
#include "tile/cpu/parallel.h"

namespace flash {
namespace {

void round_to(DType dtype, float* values, std::size_t count) {
  if (dtype == DType::f32) return;
  tile::with_type(dtype, [&](auto type) {
    for (std::size_t i = 0; i < count; ++i)
      values[i] = tile::to_float(tile::from_float<decltype(type)>(values[i]));
  });
}

// Of `columns` rows and columns, orthonormal: the signs' diagonal matrix times Sylvester's, whose
// element (i, j) is -1 to the number of ones that i and j have in common.
Matrix<float> rotation(std::int64_t columns) {
  Matrix<float> result(columns, columns);
  for (std::int64_t i = 0; i < columns; ++i) {
    const bool negated = (rotation_signs[i / 64] >> i % 64 & 1) != 0;
    for (std::int64_t j = 0; j < columns; ++j) {
      const bool odd = std::popcount(static_cast<std::uint64_t>(i & j)) % 2 != 0;
      result(i, j) = (odd == negated ? 1.0f : -1.0f) / std::sqrt(static_cast<float>(columns));
    }
  }
  return result;
}

// The scale of a block: the power of two that brings its largest element just into the format's
// range.
float scale_of(const Eigen::Ref<const Matrix<float>>& block, DType format) {
  const double largest = block.cwiseAbs().maxCoeff();
  return largest == 0 ? 1
                      : static_cast<float>(
                            std::exp2(std::ceil(std::log2(largest / largest_finite(format)))));
}

// Rounds the block to the format in units of `divisor`, and takes it back in those of `unit`.
void quantise(Eigen::Ref<Matrix<float>> block, DType format, float divisor, float unit) {
  tile::with_type(format, [&](auto type) {
    block = block.unaryExpr([divisor, unit](float x) {
      return unit * tile::to_float(tile::from_float<decltype(type)>(x / divisor));
    });
  });
}

// One of Q, K and V.
struct Operand {
  const Buffer& from;
  std::int64_t heads, block_rows;
  bool rotated;
  Fp8Unit unit, divisor;
};

// The rows of one head that the sequence has from `begin` on, as FP8 keeps them; columns are added
// to make them a power of two.
Matrix<float> quantised(const Problem& p, const Operand& x, std::int64_t begin, std::int64_t rows,
                        std::int64_t head, const Fp8& fp8, std::vector<float>& scales) {
  Matrix<float> values(rows, p.head_dim);
  load<float>(x.from, p.dtype, begin, x.heads, head, values);
  Matrix<float> result = Matrix<float>::Zero(rows, rotated_dim(p.head_dim));
  result.leftCols(p.head_dim) = values;
  if (x.rotated) result *= rotation(result.cols());
  const std::int64_t step = fp8.per_block ? x.block_rows : std::max<std::int64_t>(1, rows);
  for (std::int64_t first = 0; first < rows; first += step) {
    auto block = result.middleRows(first, std::min(step, rows - first));
    const float scale = scale_of(block, fp8.format);
    scales.push_back(scale);
    const auto made = [&](Fp8Unit unit) { return unit ? unit(scale, scales.front()) : scale; };
    quantise(block, fp8.format, made(x.divisor), made(x.unit));
  }
  return result;
}

// Of all sequences and heads: fp32 [tokens, heads, columns].
Buffer quantised(const Problem& p, const Operand& x, bool queries, const Fp8& fp8,
                 BlockScales* scales = nullptr) {
  const std::int64_t columns = rotated_dim(p.head_dim);
  const std::int64_t tokens = queries ? p.total_q() : p.total_k();
  Buffer result(tokens * x.heads * columns * sizeof(float));
  const auto work = static_cast<double>(tokens * x.heads * columns) * static_cast<double>(columns);
  std::vector<std::vector<float>> of_head(p.batch * x.heads);
  tile::cpu::parallel_for(p.batch * x.heads, work, [&](std::int64_t i) {
    const Sequence s = p.sequence(i / x.heads);
    const std::int64_t begin = queries ? s.q_begin : s.k_begin, head = i % x.heads;
    const Matrix<float> values =
        quantised(p, x, begin, queries ? s.q_length : s.k_length, head, fp8, of_head[i]);
    for (std::int64_t r = 0; r < values.rows(); ++r)
      std::copy_n(
          values.row(r).data(), columns,
          reinterpret_cast<float*>(result.data()) + ((begin + r) * x.heads + head) * columns);
  });
  if (scales)
    *scales = {x.heads, fp8.per_block ? x.block_rows : std::max<std::int64_t>(1, tokens),
               std::move(of_head)};
  return result;
}

}  // namespace

RowResults<float> plain_forward(const Problem& problem, const Inputs& inputs, const Rows& rows) {
  const DType dtype = problem.dtype;
  Operands in = operands(problem, inputs);
  const auto drop = std::exchange(in.drop, {});  // here, as what is left is rounded again
  const auto weigh = [&](RowSlice<float> row, const RowId& id) -> RowSum<float> {
    const auto count = static_cast<std::size_t>(row.size());
    round_to(dtype, row.data(), count);
    const float row_max = row.maxCoeff();
    row = (row.array() - row_max).exp();
    const float row_sum = row.sum();
    row /= row_sum;
    round_to(dtype, row.data(), count);
    for (Eigen::Index j = 0; drop && j < row.size(); ++j) row[j] *= drop(id, j);
    if (drop) round_to(dtype, row.data(), count);
    return {1, row_max + std::log(row_sum)};
  };
  RowResults<float> results = attend_rows<float>(problem, in, rows, weigh);
  round_to(dtype, results.o.data(), results.o.size());
  return results;
}

QuantisedProblem quantised(const Problem& problem, const Inputs& inputs, const Fp8& fp8,
                           const Fp8Mistake& mistake) {
  const TileShape tiles = plan_of(problem.shape()).tiles;
  const Operand q{inputs.q,  problem.heads,  tiles.query_rows, fp8.rotate && mistake.rotate_q,
                  mistake.q, mistake.divisor};
  const Operand k{inputs.k,  problem.kv_heads, tiles.key_rows, fp8.rotate && mistake.rotate_k,
                  mistake.k, mistake.divisor};
  const Operand v{inputs.v,         problem.kv_heads, tiles.key_rows,
                  mistake.rotate_v, mistake.v,        mistake.divisor};
  Fp8 format = fp8;
  if (mistake.format) format.format = *mistake.format;
  QuantisedProblem result{problem, {}};
  result.inputs = {quantised(problem, q, true, format, &result.q_scales),
                   quantised(problem, k, false, format),
                   quantised(problem, v, false, format, &result.v_scales)};
  result.problem.dtype = DType::f32;
  result.problem.head_dim = rotated_dim(problem.head_dim);
  result.problem.scale = problem.softmax_scale();
  return result;
}

RowResults<float> plain_fp8_forward(const Problem& problem, const Inputs& inputs, const Rows& rows,
                                    const Fp8& fp8) {
  const QuantisedProblem kept = quantised(problem, inputs, fp8);
  const Problem& wide = kept.problem;
  const std::int64_t d = problem.head_dim, columns = wide.head_dim;
  const RowResults<float> in_fp32 =
      attend_rows<float>(wide, operands(wide, kept.inputs), rows,
                         [](RowSlice<float> row, const RowId&) -> RowSum<float> {
                           const float row_max = row.maxCoeff();
                           row = (row.array() - row_max).exp();
                           const float row_sum = row.sum();
                           row *= P_factor;
                           round_to(DType::e4m3, row.data(), static_cast<std::size_t>(row.size()));
                           return {P_factor * row_sum, row_max + std::log(row_sum)};
                         });
  RowResults<float> results{{}, in_fp32.lse};
  for (std::size_t i = 0; i < in_fp32.o.size(); i += columns)
    results.o.insert(results.o.end(), &in_fp32.o[i], &in_fp32.o[i] + d);
  round_to(problem.dtype, results.o.data(), results.o.size());
  return results;
}

}  // namespace flash
