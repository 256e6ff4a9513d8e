// New keys and values for a KV cache.
#pragma once

#include "attention/kv_cache.h"
#include "tile/cpu/device.h"

namespace flash {

// Writes `count` new keys and values of each sequence, [batch, count, kv_heads, head_dim], behind
// those in the cache, rounded to its dtype. Throws BadInput if a sequence has no room.
void append(tile::cpu::Device& device, KvCache& cache, const TensorView& k, const TensorView& v,
            std::int64_t count);

}  // namespace flash
