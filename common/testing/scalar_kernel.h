// A kernel for the tests of checker and diagnosis: scalar, fp32, online softmax, right or with a
// bug planted.
#pragma once

#include <cstdint>

#include "attention/tensors.h"

namespace flash {

enum class Bug {
  none,
  // O
  mean_of_v,
  zeros,
  constant,
  nan,
  no_scale,
  scale_twice,
  natural_scale_in_exp2,
  mask_missing,
  mask_top_left,
  mask_unasked,
  half_of_keys,
  tail_missing,
  last_key_missing,
  padding_counted,
  wrong_kv_head,
  swapped_k_v,
  not_divided,
  accumulator_not_rescaled,
  max_not_subtracted,
  empty_row_divided,
  // LSE
  lse_base_2,
  lse_without_max,
};

inline constexpr std::int64_t scalar_kernel_tile = 64;  // keys

Outputs scalar_kernel(const Problem& problem, const Inputs& inputs, Bug bug = Bug::none);

}  // namespace flash
