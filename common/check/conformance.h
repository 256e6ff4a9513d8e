// What every stage has to pass: the shapes of the FlashAttention test grid, scaled to a CPU.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "check/checker.h"
#include "stages/stage.h"

namespace flash {

struct ConformanceCase {
  std::string name;  // letters, digits and _
  Problem problem;
  std::uint64_t seed;
};

// Lengths of tests/test_flash_attn.py with every dtype, full and causal, head dimensions, MHA, GQA
// and MQA in turn; lengths of 0, 1, 17 and around the tiles; and packed batches.
std::vector<ConformanceCase> conformance_cases();

// Applies the acceptance rule to what `forward` makes of a case's inputs.
using Forward = std::function<Outputs(const Problem&, const Inputs&)>;
CheckResult check_case(const ConformanceCase& test, const Forward& forward,
                       const Precision& precision = {});

}  // namespace flash
