// Stage 05's rotation of a row of 64 columns.
#pragma once

#include <array>

namespace flash {

using RotatedRow = std::array<double, 64>;

// Times random signs and a Hadamard matrix, orthonormal.
RotatedRow rotated(const RotatedRow& row);

}  // namespace flash
