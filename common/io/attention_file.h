// Attention problems and their results in safetensors files.
#pragma once

#include <filesystem>
#include <string_view>

#include "attention/problem.h"
#include "attention/tensors.h"
#include "io/safetensors.h"

namespace flash {

struct AttentionFile {
  Problem problem;
  Inputs inputs;
};

// q, k, v of one dtype (F32, BF16 or F16), shaped as problem.h says: padded with 4 dimensions, or
// packed with 3 and cu_seqlens_q, cu_seqlens_k (I32, [batch + 1]); and `do`, the gradient of o,
// shaped as q, if `gradient` asks for it. Other tensors are ignored.
// Throws BadInput, one line naming the file, the tensor, its value and what was expected.
AttentionFile read_attention_file(const std::filesystem::path& path, bool causal,
                                  bool gradient = false);

// The same for tensors that were read already; `file` stands for their file in messages.
AttentionFile attention_file_from(FileTensors tensors, std::string_view file, bool causal,
                                  bool gradient = false);

// Writes o in the problem's dtype and lse in F32, shaped as problem.h says, and dq, dk and dv as q,
// k and v if there are gradients. Throws BadInput.
void write_outputs(const std::filesystem::path& path, const Problem& problem, Outputs outputs);

}  // namespace flash
