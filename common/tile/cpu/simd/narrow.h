// From the fp32 of the chip to the types of HBM.
#pragma once

#include <cstddef>

#include "tile/dtype.h"

namespace tile::cpu {

// to[i] = from[i] rounded to `dtype`, as from_float does. A function of its own, as its loops for
// all types would otherwise be compiled again for each shape of a tile.
void narrow(std::byte* to, DType dtype, const float* from, std::int64_t count);

// x[i] = factor x[i] rounded to `dtype`, in place.
void round_in_place(float* x, DType dtype, float factor, std::int64_t count);

}  // namespace tile::cpu
