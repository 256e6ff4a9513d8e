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

  std::byte* at(std::int64_t r, std::int64_t c) const {
    return data + (r * row_stride + c) * size_in_bytes(dtype);
  }
  template <class T>
  T* row(std::int64_t r) const {
    return reinterpret_cast<T*>(at(r, 0));
  }
};

// A matrix [rows, cols] in pages of `page_rows` rows: a sequence in a KV cache, whose block table
// says where its pages are; or, with the heads of a query that share their keys as its page, the
// queries of all of them.
struct HbmPagedMatrix {
  Tensor tensor;
  DType dtype;
  std::byte* data;  // of the cache's first page
  std::int64_t rows;
  std::int64_t cols;
  std::int64_t row_stride;  // in elements, inside a page
  std::int64_t page_rows;
  std::int64_t page_stride;
  const std::int32_t* table = nullptr;  // where each page is; null: one after another
  std::int64_t cache_pages = 0;         // with a table: how many pages the cache has

  // The i-th page, and the one that row r lies in.
  HbmMatrix page(std::int64_t i) const {
    const std::int64_t place = table ? table[i] : i;
    return {tensor,    dtype, data + place * page_stride * size_in_bytes(dtype),
            page_rows, cols,  row_stride};
  }
  HbmMatrix page_of(std::int64_t r) const { return page(r / page_rows); }
  std::byte* at(std::int64_t r, std::int64_t c) const { return page_of(r).at(r % page_rows, c); }
};

// A vector [rows] of fp32 row statistics, adjacent in memory.
struct HbmVector {
  Tensor tensor;
  float* data;
  std::int64_t rows;
};

// The statistics of the rows of an HbmPagedMatrix without a table.
struct HbmPagedVector {
  Tensor tensor;
  float* data;
  std::int64_t rows;
  std::int64_t row_stride;  // in elements, inside a page
  std::int64_t page_rows;
  std::int64_t page_stride;

  float& operator[](std::int64_t r) const {
    return data[r / page_rows * page_stride + r % page_rows * row_stride];
  }
};

}  // namespace tile
