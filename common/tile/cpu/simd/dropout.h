// Dropout of a tile [rows, cols] in column order, as ordinary functions. The tile's first row and
// column are the query and key given; keys begin at a multiple of 4, and are multiples of 4.
#pragma once

#include <cstdint>

#include "tile/dropout.h"

namespace tile::cpu {

// Rows are queries.
void drop(float* x, int rows, int cols, const Dropout& dropout, std::int64_t query,
          std::int64_t key);

// Columns are queries.
void drop_transposed(float* x, int rows, int cols, const Dropout& dropout, std::int64_t query,
                     std::int64_t key);

}  // namespace tile::cpu
