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
  sum_rescaled_late,    // after the tile's sum is added
  rescaled_wrong_sign,  // both, by exp(m_new - m_old)
  own_maximum,          // weights against the tile's, not the running one
  divided_in_every_tile,
  divided_twice,
  mask_after_softmax,
  answer_of_next_head,
  first_tile_of_v,
  // O, of which no table knows
  every_second_key,
  last_two_keys_missing,
  mask_shows_two_more,
  temperature,   // scores divided by 1.1
  capped,        // scores
  squared,       // weights
  shifted_v,     // by a column
  skips_tile_1,  // of keys
  // LSE
  lse_base_2,
  lse_without_max,
};

inline constexpr std::int64_t scalar_kernel_tile = 64;  // keys

Outputs scalar_kernel(const Problem& problem, const Inputs& inputs, Bug bug = Bug::none);

}  // namespace flash
