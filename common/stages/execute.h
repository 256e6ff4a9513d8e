// Runs a stage on a problem.
#pragma once

#include "attention/kv_cache.h"
#include "attention/tensors.h"
#include "stages/append.h"
#include "stages/stage.h"
#include "tile/cpu/device.h"

namespace flash {

// Outputs of the problem's size, all NaN: what a stage forgets to write fails every check.
Outputs unwritten_outputs(const Problem& problem);

// Views of the tensors for a kernel; they live as long as the tensors and the problem.
AttentionArgs make_args(const Problem& problem, const Inputs& inputs, Outputs& outputs);

// With those of the gradients, for which memory is added to the outputs.
AttentionArgs make_backward_args(const Problem& problem, const Inputs& inputs, Outputs& outputs);

// Of the keys or values, [tokens, kv_heads, head_dim].
TensorView key_view(const Problem& problem, const Buffer& k);

// A cache that has the keys and values of a padded problem, in pages that make_cache deals out.
KvCache filled_cache(const Problem& problem, const Inputs& inputs, DType dtype,
                     std::int64_t page_size, std::uint64_t seed);

// The stage's outputs. Throws BadInput if the machine's memory cannot hold the stage's workspace,
// and TileError if a kernel misuses the device.
Outputs execute(const Stage& stage, tile::cpu::Device& device, const Problem& problem,
                const Inputs& inputs);

// A forward pass and then the backward pass, which the stage must have, and the inputs a gradient
// of O. The device's counters are those of the backward pass.
Outputs execute_backward(const Stage& stage, tile::cpu::Device& device, const Problem& problem,
                         const Inputs& inputs);

// Throws BadInput if the stage's workspace does not fit in the memory that is available.
void require_memory(const Stage& stage, const Problem& problem, bool backward = false);

}  // namespace flash
