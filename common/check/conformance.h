// What every stage has to pass: the shapes of the FlashAttention test grid, scaled to a CPU.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "check/checker.h"

namespace flash {

struct ConformanceCase {
  std::string name;  // letters, digits and _
  Problem problem;
  std::uint64_t seed;
};

// Fifty problems that tell, of at most 300 rows, in ascending order of their work: every dtype,
// full and causal, MHA, GQA and MQA, packed, rows that see no key, and a diagonal at each end of a
// tile.
std::vector<ConformanceCase> quick_cases();

// A few of them with dropout, of stages that have a backward pass.
std::vector<ConformanceCase> dropout_cases();

// Lengths of tests/test_flash_attn.py with every dtype, full and causal, head dimensions, MHA, GQA
// and MQA in turn; lengths of 0, 1, 17 and around the tiles; and packed batches.
std::vector<ConformanceCase> grid_cases();

// Where an error that grows with the number of key tiles shows.
std::vector<ConformanceCase> long_cases();

// Applies the acceptance rule to what `forward` makes of a case's inputs.
using Forward = std::function<Outputs(const Problem&, const Inputs&)>;
CheckResult check_case(const ConformanceCase& test, const Forward& forward,
                       const Precision& precision = {});

}  // namespace flash
