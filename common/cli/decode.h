// `ladder experiment decode`: how fast stage 06 reads a KV cache.
#pragma once

#include "cli/cli.h"

namespace flash {

// One query, 65536 keys, d = 128, 16 query heads on 2 key heads, from caches of each type, split
// and paged in several ways: time, bytes of cache a second, and the error of the output.
// Arguments: [--seed N] [--json FILE]. Returns 1 if an output is wrong.
int decode_experiment(const Arguments& arguments, const Environment& environment);

}  // namespace flash
