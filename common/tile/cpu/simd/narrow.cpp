#include "tile/cpu/simd/narrow.h"

namespace tile::cpu {

void narrow(std::byte* to, DType dtype, const float* from, std::int64_t count) {
  with_type(dtype, [&](auto type) {
    auto* elements = reinterpret_cast<decltype(type)*>(to);
    for (std::int64_t i = 0; i < count; ++i) elements[i] = from_float<decltype(type)>(from[i]);
  });
}

void round_in_place(float* x, DType dtype, float factor, std::int64_t count) {
  with_type(dtype, [&](auto type) {
    for (std::int64_t i = 0; i < count; ++i)
      x[i] = to_float(from_float<decltype(type)>(x[i] * factor));
  });
}

}  // namespace tile::cpu
