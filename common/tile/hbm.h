// Views of tensors in HBM, which a kernel passes to load and store.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>

#include "tile/compiler.h"
#include "tile/counters.h"
#include "tile/dtype.h"

namespace tile {

// Where a view would lie that was asked for with an index past its tensor's end: a transfer through
// it is refused. No axis: the view is one of the tensor's.
struct OutOfRange {
  const char* axis = nullptr;
  std::int64_t index = 0, size = 0;
};

inline constexpr std::int64_t one_page = std::numeric_limits<std::int64_t>::max();

// A matrix [rows, cols] of one sequence and head; consecutive columns are adjacent. Its rows lie
// `row_stride` elements apart, in pages of `page_rows` rows: those of a KV cache, whose block table
// says where its pages are, or the heads of a query that share their keys. Most have one page.
struct HbmMatrix {
  TensorId tensor;
  DType dtype;
  std::byte* data;  // of the first row; with a table, of the cache's first page
  std::int64_t rows;
  std::int64_t cols;
  std::int64_t row_stride;  // in elements, inside a page
  std::int64_t page_rows = one_page;
  std::int64_t page_stride = 0;         // in elements
  const std::int32_t* table = nullptr;  // where each page is; null: one after another
  TensorId table_tensor = {};
  std::int64_t cache_pages = 0;  // with a table: how many pages the cache has
  OutOfRange outside = {};

  TILE_HOST_DEVICE std::byte* page(std::int64_t i) const {
    return data + (table ? table[i] : i) * page_stride * size_in_bytes(dtype);
  }
  TILE_HOST_DEVICE std::byte* at(std::int64_t r, std::int64_t c) const {
    return page(r / page_rows) + (r % page_rows * row_stride + c) * size_in_bytes(dtype);
  }
  template <class T>
  T* row(std::int64_t r) const {
    return reinterpret_cast<T*>(at(r, 0));
  }
};

// A vector [rows] of fp32 row statistics, in pages as an HbmMatrix is.
struct HbmVector {
  TensorId tensor;
  float* data;
  std::int64_t rows;
  std::int64_t row_stride = 1;  // in elements, inside a page
  std::int64_t page_rows = one_page;
  std::int64_t page_stride = 0;
  OutOfRange outside = {};

  TILE_HOST_DEVICE float& operator[](std::int64_t r) const {
    return data[r / page_rows * page_stride + r % page_rows * row_stride];
  }
};

// `rows` counters that blocks wait for, one for each part of a tensor that they change in turn.
struct HbmTurns {
  TensorId tensor;
  std::int32_t* data;
  std::int64_t rows;
  OutOfRange outside = {};
};

// `rows` values of another type, such as the schedule of a persistent kernel.
template <class T>
struct HbmArray {
  TensorId tensor;
  const T* data;
  std::int64_t rows;
};

}  // namespace tile
