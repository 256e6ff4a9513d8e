// `ladder experiment fp8_error`: Table 3 of the FlashAttention-3 paper.
#pragma once

#include "cli/cli.h"

namespace flash {

// The error of attention in FP16 and in FP8 on inputs with outliers, beside the paper's figures.
// Arguments: [--seed N] [--json FILE]. Returns 1 if a figure is not within 25 % of the paper's.
int fp8_error_experiment(const Arguments& arguments, const Environment& environment);

}  // namespace flash
