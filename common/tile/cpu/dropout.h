// Dropout of the weights in a tile; see tile/dropout.h.
#pragma once

#include <string>

#include "tile/cpu/elements.h"
#include "tile/cpu/simd/dropout.h"

namespace tile::cpu {

// What the two operations have in common. An operand is rounded again.
template <class Tile, class Drop>
void drop_weights(Tile& P, std::string_view operation, int keys, std::int64_t first_key,
                  Drop drop) {
  Block& block = *P.block;
  if (first_key % Dropout::keys_a_counter != 0 || keys % Dropout::keys_a_counter != 0)
    block.fail(std::string(operation) + " begins at key " + std::to_string(first_key) +
               ", expected a multiple of 4");
  begin(block, on_elements<Tile>(operation), reads(P), writes(P));
  drop();
  if constexpr (is<Tile, Operand>)
    round_to(P.data, block.operand_type(), P.data, 1, Tile::rows * Tile::cols);
}

// Drops weights of the queries `first_query`, ... in the rows, and the keys `first_key`, ... in the
// columns, and scales the others. A gradient of dropped weights goes the same way.
template <class Tile>
void drop(Tile& P, const Dropout& dropout, std::int64_t first_query, std::int64_t first_key) {
  if constexpr (require_columns<Tile, "drop(P, dropout, query, key): P">())
    drop_weights(P, "drop", Tile::cols, first_key,
                 [&] { drop(P.data, Tile::rows, Tile::cols, dropout, first_query, first_key); });
}

// The same of transposed weights, whose rows are keys and whose columns are queries.
template <class Tile>
void drop_transposed(Tile& P, const Dropout& dropout, std::int64_t first_query,
                     std::int64_t first_key) {
  if constexpr (require_columns<Tile, "drop_transposed(P, dropout, query, key): P">())
    drop_weights(P, "drop_transposed", Tile::rows, first_key, [&] {
      drop_transposed(P.data, Tile::rows, Tile::cols, dropout, first_query, first_key);
    });
}

}  // namespace tile::cpu
