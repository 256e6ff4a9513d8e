#include "attention/plain.h"

#include "attention/row_blocks.h"

namespace flash {
namespace {

void round_to(DType dtype, float* values, std::size_t count) {
  if (dtype == DType::f32) return;
  tile::with_type(dtype, [&](auto type) {
    for (std::size_t i = 0; i < count; ++i)
      values[i] = tile::to_float(tile::from_float<decltype(type)>(values[i]));
  });
}

}  // namespace

RowResults<float> plain_forward(const Problem& problem, const Inputs& inputs, const Rows& rows) {
  const DType dtype = problem.dtype;
  const auto weigh = [dtype](RowSlice<float> row) -> RowSum<float> {
    const auto count = static_cast<std::size_t>(row.size());
    round_to(dtype, row.data(), count);
    const float row_max = row.maxCoeff();
    row = (row.array() - row_max).exp();
    const float row_sum = row.sum();
    row /= row_sum;
    round_to(dtype, row.data(), count);
    return {1, row_max + std::log(row_sum)};
  };
  RowResults<float> results = attend_rows<float>(problem, operands(problem, inputs), rows, weigh);
  round_to(dtype, results.o.data(), results.o.size());
  return results;
}

}  // namespace flash
