#include "check/reference.h"

#include "check/row_blocks.h"

namespace flash {

RowResults<double> reference_forward(const Problem& problem, const Inputs& inputs,
                                     const Rows& rows) {
  return attend_rows<double>(problem, operands(problem, inputs), rows,
                             [](RowSlice<double> row, const RowId&) -> RowSum<double> {
                               const double row_max = row.maxCoeff();
                               row = (row.array() - row_max).exp();
                               const double row_sum = row.sum();
                               return {row_sum, row_max + std::log(row_sum)};
                             });
}

}  // namespace flash
