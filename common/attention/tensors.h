// The tensors of a problem in memory of their own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <vector>

#include "attention/problem.h"
#include "tile/aligned.h"

namespace flash {

template <class T>
struct LineAllocator {
  using value_type = T;
  LineAllocator() = default;
  template <class U>
  LineAllocator(const LineAllocator<U>&) {}
  T* allocate(std::size_t n) { return static_cast<T*>(tile::allocate_aligned(n * sizeof(T))); }
  void deallocate(T* p, std::size_t) { std::free(p); }
  bool operator==(const LineAllocator&) const = default;
};

using Buffer = std::vector<std::byte, LineAllocator<std::byte>>;

struct Inputs {
  Buffer q, k, v;   // elements of problem.dtype, laid out as problem.h says
  Buffer d_o = {};  // the gradient of o, for the backward pass; empty: forward only
};

// What the backward pass writes.
struct Gradients {
  Buffer dq, dk, dv;  // elements of problem.dtype, laid out as q, k and v
};

struct Outputs {
  Buffer o;                // elements of problem.dtype
  std::vector<float> lse;  // natural logarithm
  std::optional<Gradients> gradients = {};
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
