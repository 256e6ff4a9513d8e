// What a kernel is given: views of the tensors in HBM, and the problem's scalars.
#pragma once

#include <algorithm>

#include "attention/plan.h"
#include "attention/problem.h"
#include "attention/tensor.h"
#include "tile/hbm.h"

namespace flash {

// A tensor with any order of dimensions, as long as the elements of a row are adjacent.
struct TensorView {
  std::byte* data = nullptr;
  DType dtype = DType::f32;
  std::int64_t row_stride = 0;  // in elements, from a token to the next
  std::int64_t head_stride = 0;

  // Null in a tensor that is not there, or empty.
  TILE_HOST_DEVICE std::byte* at(std::int64_t token, std::int64_t head) const {
    return data ? data + (token * row_stride + head * head_stride) * size_in_bytes(dtype) : nullptr;
  }
};

// Q, K and V in FP8, in workspace. One scale belongs to each block of rows of a head: a value is
// its code times the scale of its block.
struct Quantised {
  TensorView Q = {}, K = {};  // rotated: head_stride columns
  TensorView V = {};          // transposed: tokens are adjacent
  std::int64_t V_column_stride = 0;
  float *Q_scales = nullptr, *K_scales = nullptr, *V_scales = nullptr;  // [batch, heads, blocks]
  std::int64_t q_blocks = 0, k_blocks = 0;                              // of the longest sequence

  std::int64_t blocks() const { return std::max(q_blocks, k_blocks); }
};

// One query head of one sequence.
struct Head {
  std::int64_t queries, keys;
  std::int64_t diagonal;        // causal: query i sees key j if j <= i + diagonal
  tile::HbmMatrix Q, O, O_acc;  // [queries, head_dim]
  tile::HbmMatrix K, V;         // [keys, head_dim] of the head's group
  tile::HbmMatrix S, P;         // [queries, keys]
  tile::HbmVector m, l, LSE;    // [queries]
  tile::Dropout dropout;        // of weights
};

// The same in FP8: Q [queries, columns], K [keys, columns] and V transposed, [head_dim, keys].
struct QuantisedHead {
  tile::HbmMatrix Q, K, V;
  tile::HbmVector Q_scales, K_scales, V_scales;  // [blocks of rows]
};

// Where the keys and values lie if K and V are a KV cache; see kv_cache.h.
struct CacheView {
  const std::int32_t* lengths = nullptr;      // [batch], in keys; null: K and V are no cache
  const std::int32_t* block_table = nullptr;  // [batch, max_pages]; null: sequence b has page b
  std::int64_t max_pages = 0, page_size = 0;
  std::int64_t page_stride = 0;                        // in elements
  std::int64_t pages = 0;                              // of the cache
  const float *k_scale = nullptr, *v_scale = nullptr;  // [kv_heads], of the elements; null: 1
};

// What the backward pass has beside the tensors of the forward pass.
struct GradientTensors {
  TensorView dO = {}, dQ = {}, dK = {}, dV = {};

  // Workspace.
  TensorView dQ_acc = {};
  float *D = nullptr, *dP = nullptr, *dS = nullptr;
  std::int32_t* turns = nullptr;  // [batch, heads, query_tiles] of dQ; null: no order
  std::int64_t query_tiles = 0;
};

// What a kernel is launched with. The offsets and lengths of sequences are read through pointers,
// and not counted: a few numbers a block.
struct AttentionArgs : Shape {
  float scale = 1;
  TensorView Q = {}, K = {}, V = {}, O = {};
  float* LSE = nullptr;
  CacheView cache = {};
  GradientTensors gradient = {};

  // Workspace that a stage asks its device for.
  TensorView O_acc = {};
  float *S = nullptr, *P = nullptr, *m = nullptr, *l = nullptr;
  float *O_split = nullptr, *LSE_split = nullptr;
  Quantised fp8 = {};
  tile::HbmArray<QueryTile> schedule = {};

  TILE_HOST_DEVICE Head head(std::int64_t batch, std::int64_t head) const;
  TILE_HOST_DEVICE QuantisedHead quantised_head(std::int64_t batch, std::int64_t head) const;

  // What is wrong with the indices of a view; its axis is null if nothing is.
  TILE_HOST_DEVICE tile::OutOfRange outside(std::int64_t b, std::int64_t h,
                                            std::int64_t of_heads) const {
    if (b < 0 || b >= batch) return {"sequence", b, batch};
    if (h < 0 || h >= of_heads) return {"head", h, of_heads};
    return {};
  }
};

// Rows [begin, begin + rows) of a head.
TILE_HOST_DEVICE inline tile::HbmMatrix rows_of(tile::TensorId tensor, const TensorView& view,
                                                std::int64_t begin, std::int64_t rows,
                                                std::int64_t cols, std::int64_t head,
                                                const tile::OutOfRange& outside) {
  return {.tensor = tensor,
          .dtype = view.dtype,
          .data = view.at(begin, head),
          .rows = rows,
          .cols = cols,
          .row_stride = view.row_stride,
          .outside = outside};
}

// A head or a sequence that there is not gives views that every transfer refuses.
TILE_HOST_DEVICE inline Head AttentionArgs::head(std::int64_t b, std::int64_t h) const {
  const tile::OutOfRange wrong = outside(b, h, heads);
  if (wrong.axis) b = h = 0;
  const Sequence s = sequence(b);
  const std::int64_t kv_head = h / group(), row = row_offset(b, h);
  const auto queries = [&](tile::TensorId tensor, const TensorView& view) {
    return rows_of(tensor, view, s.q_begin, s.q_length, head_dim, h, wrong);
  };
  const auto keys = [&](tile::TensorId tensor, const TensorView& view) {
    return rows_of(tensor, view, s.k_begin, s.k_length, head_dim, kv_head, wrong);
  };
  const auto scores = [&](tile::TensorId tensor, float* data) -> tile::HbmMatrix {
    auto* first = reinterpret_cast<std::byte*>(data ? data + row * seqlen_k : nullptr);
    return {.tensor = tensor,
            .dtype = DType::f32,
            .data = first,
            .rows = s.q_length,
            .cols = s.k_length,
            .row_stride = seqlen_k,
            .outside = wrong};
  };
  const auto statistic = [&](tile::TensorId tensor, float* data) -> tile::HbmVector {
    return {.tensor = tensor,
            .data = data ? data + row : nullptr,
            .rows = s.q_length,
            .outside = wrong};
  };
  return {.queries = s.q_length,
          .keys = s.k_length,
          .diagonal = s.k_length - s.q_length,
          .Q = queries(Tensor::Q, Q),
          .O = queries(Tensor::O, O),
          .O_acc = queries(Tensor::O_acc, O_acc),
          .K = keys(Tensor::K, K),
          .V = keys(Tensor::V, V),
          .S = scores(Tensor::S, S),
          .P = scores(Tensor::P, P),
          .m = statistic(Tensor::m, m),
          .l = statistic(Tensor::l, l),
          .LSE = statistic(Tensor::LSE, LSE),
          .dropout = dropout_of(b, h)};
}

TILE_HOST_DEVICE inline QuantisedHead AttentionArgs::quantised_head(std::int64_t b,
                                                                    std::int64_t h) const {
  const tile::OutOfRange wrong = outside(b, h, heads);
  if (wrong.axis) b = h = 0;
  const Sequence s = sequence(b);
  const std::int64_t kv_head = h / group(), columns = fp8.Q.head_stride;
  const auto scales = [&](float* data, std::int64_t head, std::int64_t blocks) -> tile::HbmVector {
    return {.tensor = Tensor::scales,
            .data = data ? data + head * blocks : nullptr,
            .rows = blocks,
            .outside = wrong};
  };
  const std::int64_t kv = b * kv_heads + kv_head;
  QuantisedHead to = {
      .Q = rows_of(Tensor::Q8, fp8.Q, s.q_begin, s.q_length, columns, h, wrong),
      .K = rows_of(Tensor::K8, fp8.K, s.k_begin, s.k_length, columns, kv_head, wrong),
      .V = rows_of(Tensor::V8, fp8.V, s.k_begin, head_dim, s.k_length, kv_head, wrong),
      .Q_scales = scales(fp8.Q_scales, b * heads + h, fp8.q_blocks),
      .K_scales = scales(fp8.K_scales, kv, fp8.k_blocks),
      .V_scales = scales(fp8.V_scales, kv, fp8.k_blocks)};
  to.V.row_stride = fp8.V_column_stride;
  return to;
}

}  // namespace flash
