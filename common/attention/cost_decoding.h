// What stage 06 costs with a KV cache, and with a given number of splits.
#pragma once

#include "attention/cost.h"

namespace flash {

struct Decoding {
  int splits = 0;              // 0: num_splits()
  DType dtype = DType::f32;    // of K and V
  std::int64_t page_size = 0;  // 0: no block table
};

// The lengths of keys are the problem's.
tile::Counters decoding_cost(const Problem& problem, const Decoding& decoding);

}  // namespace flash
