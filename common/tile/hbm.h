// Views of tensors in HBM. A kernel can pass them to load and store, and nothing else.
#pragma once

#include <cstddef>
#include <cstdint>

#include "tile/counters.h"
#include "tile/dtype.h"

namespace tile {

// A matrix [rows, cols] of one sequence and head; consecutive columns are adjacent.
struct HbmMatrix {
  Tensor tensor;
  DType dtype;
  std::byte* data;
  std::int64_t rows;
  std::int64_t cols;
  std::int64_t row_stride;  // in elements

  template <class T>
  T* row(std::int64_t r) const {
    return reinterpret_cast<T*>(data) + r * row_stride;
  }
};

// A vector [rows] of fp32 row statistics, adjacent in memory.
struct HbmVector {
  Tensor tensor;
  float* data;
  std::int64_t rows;
};

}  // namespace tile
