// For tests: tensors to name, and kernels that are lambdas.
#pragma once

#include "tile/cpu/backend.h"

namespace tile {

struct Tensor {
  static constexpr TensorId Q{0, "Q"}, K{1, "K"}, V{2, "V"}, P{3, "P"}, O{4, "O"}, m{5, "m"},
      l{6, "l"}, LSE{7, "LSE"}, V8{8, "V8"}, scales{9, "scales"}, pages{10, "pages"};
};

template <class F>
struct Lambda {
  const F* f;
  static void run(cpu::Block& block, const Lambda& lambda) { (*lambda.f)(block); }
};

// Runs f(block) for each place of the grid.
template <class F>
void launch_lambda(cpu::Device& device, std::string_view name, GridIndex grid, DType dtype,
                   const F& f) {
  launch<Lambda<F>>(device, name, grid, dtype, Lambda<F>{&f});
}

// Element (r, c) of a tile, wherever it lies.
template <class Tile>
float element(const Tile& tile, int r, int c) {
  if constexpr (cpu::ColumnTiled<Tile>) {
    return tile.element(r, c);
  } else {
    const auto fp32 = tile.fp32_rows(1, 1);
    return fp32.data[r * fp32.stride + c];
  }
}

}  // namespace tile
