// The oracle: the plain computation in double.
#pragma once

#include "attention/tensors.h"
#include "check/rows.h"

namespace flash {

// softmax(scale Q K^T) V and the log-sum-exp of each row, from all scores of the row at once. Rows
// that see no key give O = 0 and LSE = -inf. Beside the results it takes less than 40 MB.
RowResults<double> reference_forward(const Problem& problem, const Inputs& inputs,
                                     const Rows& rows);

}  // namespace flash
