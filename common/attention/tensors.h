// The tensors of a problem in memory of their own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <vector>

#include "attention/problem.h"

namespace flash {

// Memory that begins on a cache line, as a GPU's does: no vector of a row is split between two
// lines.
template <class T>
struct LineAllocator {
  using value_type = T;
  LineAllocator() = default;
  template <class U>
  LineAllocator(const LineAllocator<U>&) {}
  T* allocate(std::size_t n) {
    return static_cast<T*>(::operator new(n * sizeof(T), std::align_val_t(64)));
  }
  void deallocate(T* p, std::size_t) { ::operator delete(p, std::align_val_t(64)); }
  bool operator==(const LineAllocator&) const = default;
};

using Buffer = std::vector<std::byte, LineAllocator<std::byte>>;

struct Inputs {
  Buffer q, k, v;  // elements of problem.dtype, laid out as problem.h says
};

struct Outputs {
  Buffer o;                // elements of problem.dtype
  std::vector<float> lse;  // natural logarithm
};

inline std::int64_t q_elements(const Problem& p) {
  return p.total_q() * p.heads * p.head_dim;
}
inline std::int64_t k_elements(const Problem& p) {
  return p.total_k() * p.kv_heads * p.head_dim;
}
inline std::int64_t lse_elements(const Problem& p) {
  return p.total_q() * p.heads;
}

// Element i of a buffer, widened.
inline float element(const Buffer& buffer, DType dtype, std::int64_t i) {
  return tile::with_type(dtype, [&](auto type) {
    return tile::to_float(reinterpret_cast<const decltype(type)*>(buffer.data())[i]);
  });
}

inline void set_element(Buffer& buffer, DType dtype, std::int64_t i, float value) {
  tile::with_type(dtype, [&](auto type) {
    using T = decltype(type);
    reinterpret_cast<T*>(buffer.data())[i] = tile::from_float<T>(value);
  });
}

}  // namespace flash
