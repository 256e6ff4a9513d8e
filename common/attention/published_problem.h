// The problem that FlashAttention-3 was measured on without its parts.
#pragma once

#include "attention/problem.h"

namespace flash {

// Shah et al., FlashAttention-3 (arXiv:2407.08608), Table 2: {4, 8448, 16, 128} in FP16, no mask.
inline const Problem flash_attention_3_table_2 = {.batch = 4,
                                                  .heads = 16,
                                                  .kv_heads = 16,
                                                  .seqlen_q = 8448,
                                                  .seqlen_k = 8448,
                                                  .head_dim = 128,
                                                  .dtype = DType::f16};

}  // namespace flash
