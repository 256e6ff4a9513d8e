// What a kernel is given: views of the tensors in HBM, and the problem's scalars.
#pragma once

#include <algorithm>

#include "attention/problem.h"
#include "tile/hbm.h"
#include "tile/tile.h"

namespace flash {

// A tensor with any order of dimensions, as long as the elements of a row are adjacent.
struct TensorView {
  std::byte* data = nullptr;
  DType dtype = DType::f32;
  std::int64_t row_stride = 0;  // in elements, from a token to the next
  std::int64_t head_stride = 0;
};

// Q, K and V in FP8, in workspace. One scale belongs to each block of rows of a head: a value is
// its code times the scale of its block.
struct Quantised {
  TensorView Q = {}, K = {};  // rotated: head_stride columns
  TensorView V = {};          // transposed: tokens are adjacent
  std::int64_t V_column_stride = 0;
  float *Q_scales = nullptr, *K_scales = nullptr, *V_scales = nullptr;  // [batch, heads, blocks]
  std::int64_t q_blocks = 0, k_blocks = 0;                              // of the longest sequence
};

// One query head of one sequence.
struct Head {
  std::int64_t queries, keys;
  std::int64_t diagonal;        // causal: query i sees key j if j <= i + diagonal
  tile::HbmMatrix Q, O, O_acc;  // [queries, head_dim]
  tile::HbmMatrix K, V;         // [keys, head_dim] of the head's group
  tile::HbmMatrix S, P;         // [queries, keys]
  tile::HbmVector m, l, LSE;    // [queries]
  tile::HbmVector Q_scales = {}, K_scales = {}, V_scales = {};  // in FP8: [blocks of rows]
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

struct AttentionArgs {
  std::int64_t batch, heads, kv_heads, seqlen_q, seqlen_k, head_dim, total_q;
  DType dtype;
  bool causal;
  float scale;
  const std::int32_t* cu_seqlens_q = nullptr;  // null: not packed
  const std::int32_t* cu_seqlens_k = nullptr;
  TensorView Q = {}, K = {}, V = {}, O = {};
  float* LSE = nullptr;
  CacheView cache = {};
  int splits = 0;  // of the keys; 0: as many as splits.h says

  // Workspace that a stage asks its device for.
  TensorView O_acc = {};
  float *S = nullptr, *P = nullptr, *m = nullptr, *l = nullptr;
  float *O_split = nullptr, *LSE_split = nullptr;
  Quantised fp8 = {};

  Head head(std::int64_t b, std::int64_t h) const;

  // The same with Q [queries, columns], K [keys, columns] and V [head_dim, keys] in FP8.
  Head quantised_head(std::int64_t b, std::int64_t h) const;
};

inline Head AttentionArgs::head(std::int64_t b, std::int64_t h) const {
  const bool packed = cu_seqlens_q != nullptr;
  const std::int64_t q_begin = packed ? cu_seqlens_q[b] : b * seqlen_q;
  const std::int64_t k_begin = packed ? cu_seqlens_k[b] : b * seqlen_k;
  const std::int64_t queries = packed ? cu_seqlens_q[b + 1] - q_begin : seqlen_q;
  const std::int64_t keys = packed ? cu_seqlens_k[b + 1] - k_begin : seqlen_k;
  const std::int64_t kv_head = h / (heads / kv_heads);
  const std::int64_t row = packed ? h * total_q + q_begin : (b * heads + h) * seqlen_q;

  using tile::Tensor;
  const auto matrix = [&](Tensor tensor, const TensorView& view, std::int64_t begin,
                          std::int64_t rows, std::int64_t head) -> tile::HbmMatrix {
    const std::int64_t offset = begin * view.row_stride + head * view.head_stride;
    return {tensor, view.dtype, view.data + offset * size_in_bytes(view.dtype),
            rows,   head_dim,   view.row_stride};
  };
  const auto scores = [&](Tensor tensor, float* data) -> tile::HbmMatrix {
    auto* first = reinterpret_cast<std::byte*>(data ? data + row * seqlen_k : nullptr);
    return {tensor, DType::f32, first, queries, keys, seqlen_k};
  };
  const auto statistic = [&](Tensor tensor, float* data) -> tile::HbmVector {
    return {tensor, data ? data + row : nullptr, queries};
  };
  return {.queries = queries,
          .keys = keys,
          .diagonal = keys - queries,
          .Q = matrix(Tensor::Q, Q, q_begin, queries, h),
          .O = matrix(Tensor::O, O, q_begin, queries, h),
          .O_acc = matrix(Tensor::O_acc, O_acc, q_begin, queries, h),
          .K = matrix(Tensor::K, K, k_begin, keys, kv_head),
          .V = matrix(Tensor::V, V, k_begin, keys, kv_head),
          .S = scores(Tensor::S, S),
          .P = scores(Tensor::P, P),
          .m = statistic(Tensor::m, m),
          .l = statistic(Tensor::l, l),
          .LSE = statistic(Tensor::LSE, LSE)};
}

inline Head AttentionArgs::quantised_head(std::int64_t b, std::int64_t h) const {
  using tile::Tensor;
  AttentionArgs in_fp8 = *this;
  in_fp8.Q = fp8.Q, in_fp8.K = fp8.K, in_fp8.V = fp8.V;
  const std::int64_t kv_head = h / (heads / kv_heads);
  const auto scales = [](float* data, std::int64_t head, std::int64_t blocks) -> tile::HbmVector {
    return {Tensor::scales, data ? data + head * blocks : nullptr, blocks};
  };
  Head head = in_fp8.head(b, h);
  head.Q.tensor = Tensor::Q8, head.K.tensor = Tensor::K8, head.V.tensor = Tensor::V8;
  head.Q.cols = fp8.Q.head_stride, head.K.cols = fp8.K.head_stride;
  head.V.rows = head_dim, head.V.cols = head.keys, head.V.row_stride = fp8.V_column_stride;
  head.Q_scales = scales(fp8.Q_scales, b * heads + h, fp8.q_blocks);
  head.K_scales = scales(fp8.K_scales, b * kv_heads + kv_head, fp8.k_blocks);
  head.V_scales = scales(fp8.V_scales, b * kv_heads + kv_head, fp8.k_blocks);
  return head;
}

}  // namespace flash
