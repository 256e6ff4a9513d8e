// `ladder experiment pipeline`: Table 2 of the FlashAttention-3 paper.
#pragma once

#include "cli/cli.h"

namespace flash {

// The speed of stage 04 with each of its switches off, beside stage 03.
// Arguments: [--seed N] [--json FILE]. Returns 0.
int pipeline_experiment(const Arguments& arguments, const Environment& environment);

}  // namespace flash
