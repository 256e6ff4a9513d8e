// The plain computation in the problem's own precision, which the acceptance rule compares with.
#pragma once

#include "attention/rows.h"
#include "attention/tensors.h"

namespace flash {

// What a framework without fusion computes: S = scale Q K^T, P = softmax(S) and O = P V, each
// accumulated in fp32 and rounded to the problem's dtype. LSE is fp32, from the rounded S.
RowResults<float> plain_forward(const Problem& problem, const Inputs& inputs, const Rows& rows);

}  // namespace flash
