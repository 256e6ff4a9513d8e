// Inputs of a problem whose keys and values go into a KV cache.
#pragma once

#include <cstdint>

#include "attention/tensors.h"

namespace flash {

// Rounds the keys and values to what the cache can hold, so that the reference reads the same.
void round_for_cache(const Problem& problem, DType cache, Inputs& inputs);

// generate()'s, rounded so.
Inputs generate_for_cache(const Problem& problem, DType cache, std::uint64_t seed);

}  // namespace flash
