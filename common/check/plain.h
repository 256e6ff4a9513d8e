// The plain computation in the problem's own precision, which the acceptance rule compares with.
#pragma once

#include <algorithm>
#include <optional>
#include <vector>

#include "attention/fp8.h"
#include "attention/tensors.h"
#include "check/rows.h"

namespace flash {

// What a framework without fusion computes: S = scale Q K^T, P = softmax(S) and O = P V, each
// accumulated in fp32 and rounded to the problem's dtype. LSE is fp32, from the rounded S.
RowResults<float> plain_forward(const Problem& problem, const Inputs& inputs, const Rows& rows);

// The same in FP8: Q and K are rotated; Q, K and V are rounded to their format in units of a scale
// for each block of rows; P is rounded to E4M3, its sum is not. Everything else is fp32, O rounded
// to the problem's dtype.
RowResults<float> plain_fp8_forward(const Problem& problem, const Inputs& inputs, const Rows& rows,
                                    const Fp8& fp8);

// Scales of the blocks of rows of a tensor: of each sequence and head, in the order of [batch,
// heads].
struct BlockScales {
  std::int64_t heads, block_rows;
  std::vector<std::vector<float>> of_head = {};

  float at(std::int64_t batch, std::int64_t head, std::int64_t row) const {
    const std::vector<float>& scales = of_head[batch * heads + head];
    return scales[std::min<std::size_t>(row / block_rows, scales.size() - 1)];
  }
};

// A problem whose Q, K and V are what FP8 keeps of another's: fp32, of rotated_dim columns.
struct QuantisedProblem {
  Problem problem;
  Inputs inputs;
  BlockScales q_scales = {}, v_scales = {};
};

// A number made of a block's scale; `first` is the scale of block 0.
using Fp8Unit = float (*)(float scale, float first);

// What a mistake changes: by what a block is multiplied, in place of its scale, and by what it was
// divided.
struct Fp8Mistake {
  Fp8Unit q = nullptr, k = nullptr, v = nullptr, divisor = nullptr;
  bool rotate_q = true, rotate_k = true, rotate_v = false;
  std::optional<tile::DType> format = {};
};

QuantisedProblem quantised(const Problem& problem, const Inputs& inputs, const Fp8& fp8,
                           const Fp8Mistake& mistake = {});

}  // namespace flash
