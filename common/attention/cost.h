// What each stage costs, exactly: the formulas that its counters must equal.
//
// Bytes are counted per tensor and direction; sequences, heads and ragged tiles one by one.
#pragma once

#include "attention/problem.h"
#include "tile/counters.h"

namespace flash {

tile::Counters naive_cost(const Problem& problem);
tile::Counters tiling_cost(const Problem& problem);
tile::Counters online_softmax_cost(const Problem& problem);
tile::Counters v2_cost(const Problem& problem);
tile::Counters hopper_cost(const Problem& problem);
tile::Counters fp8_cost(const Problem& problem);
tile::Counters decoding_cost(const Problem& problem);

}  // namespace flash
