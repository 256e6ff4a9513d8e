// What each stage and each step costs, exactly: the formulas that its counters must equal.
//
// Bytes are counted per tensor and direction; sequences, heads and ragged tiles one by one.
#pragma once

#include "attention/plan.h"
#include "attention/problem.h"
#include "tile/counters.h"

namespace flash {

tile::Counters naive_cost(const Problem& problem, const Plan& plan);
tile::Counters fused_cost(const Problem& problem, const Plan& plan);
tile::Counters tiling_cost(const Problem& problem, const Plan& plan);
tile::Counters online_softmax_cost(const Problem& problem, const Plan& plan);
tile::Counters loops_cost(const Problem& problem, const Plan& plan);
tile::Counters v2_cost(const Problem& problem, const Plan& plan);
tile::Counters ring_cost(const Problem& problem, const Plan& plan);
tile::Counters hopper_cost(const Problem& problem, const Plan& plan);
tile::Counters fp8_cost(const Problem& problem, const Plan& plan);
tile::Counters splits_cost(const Problem& problem, const Plan& plan);
tile::Counters decoding_cost(const Problem& problem, const Plan& plan);

// Of the backward pass.
tile::Counters naive_backward_cost(const Problem& problem, const Plan& plan);
tile::Counters online_softmax_backward_cost(const Problem& problem, const Plan& plan);
tile::Counters row_sums_backward_cost(const Problem& problem, const Plan& plan);
tile::Counters key_tiles_backward_cost(const Problem& problem, const Plan& plan);
tile::Counters v2_backward_cost(const Problem& problem, const Plan& plan);
tile::Counters hopper_backward_cost(const Problem& problem, const Plan& plan);

// With a KV cache, whose elements have a type of their own, and pages if page_size is not 0. The
// lengths of keys are the problem's.
tile::Counters decoding_cost(const Problem& problem, const Plan& plan, DType cache,
                             std::int64_t page_size);

}  // namespace flash
