#include "check/edge_cases.h"

namespace flash {

std::vector<EdgeCase> edge_cases(std::int64_t head_dim) {
  constexpr std::uint64_t plain = 0, low = 4, lowest = 5, hidden_outweigh = 7;
  std::vector<EdgeCase> cases = {
      // Key tile 2 is seen by the last row of a query tile alone.
      {{.heads = 2, .kv_heads = 2, .seqlen_q = 130, .seqlen_k = 131, .causal = true}, plain},
      // Key tile 0 is seen whole by all rows of a query tile but the first.
      {{.heads = 2, .kv_heads = 2, .seqlen_q = 130, .seqlen_k = 192, .causal = true},
       hidden_outweigh},
      // The same of the first tile of 64, and of the next.
      {{.heads = 2, .kv_heads = 1, .seqlen_q = 66, .seqlen_k = 128, .causal = true},
       hidden_outweigh},
      // Groups of three heads whose packed rows fill more than a tile.
      {{.heads = 6, .kv_heads = 2, .seqlen_q = 65, .seqlen_k = 147, .causal = true}, plain},
      // More queries than keys: 80 rows see none.
      {{.heads = 2, .kv_heads = 1, .seqlen_q = 150, .seqlen_k = 70, .causal = true}, plain},
      // Whole key tiles, whatever their size, and enough of them to go through a ring twice.
      {{.heads = 2, .kv_heads = 2, .seqlen_q = 100, .seqlen_k = 512}, lowest},
      // A ragged last tile, whose padding scores 0 and so 300 above the keys.
      {{.heads = 2, .kv_heads = 2, .seqlen_q = 100, .seqlen_k = 191}, low},
      {{.heads = 2, .kv_heads = 2, .seqlen_q = 5, .seqlen_k = 0}, plain},
      // As a decoder asks.
      {{.heads = 8, .kv_heads = 2, .seqlen_q = 1, .seqlen_k = 321, .dtype = DType::f16}, plain},
      {{.heads = 2, .kv_heads = 2, .seqlen_q = 129, .seqlen_k = 129, .dtype = DType::bf16}, plain},
      {{.batch = 4,
        .heads = 4,
        .kv_heads = 2,
        .seqlen_q = 129,
        .seqlen_k = 130,
        .causal = true,
        .cu_seqlens_q = {0, 1, 18, 147, 147},
        .cu_seqlens_k = {0, 70, 87, 217, 222}},
       plain},
  };
  for (EdgeCase& edge_case : cases) edge_case.problem.head_dim = head_dim;
  return cases;
}

}  // namespace flash
