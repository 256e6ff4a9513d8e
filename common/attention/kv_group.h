// What Flash-Decoding works on: the query heads that share a key head, packed into one matrix.
#pragma once

#include "attention/args.h"

namespace flash {

// One key head of one sequence, and the group of query heads that read it. Row r of the queries is
// head r % group of query r / group, so that a tile of rows reads K and V once for all heads.
struct KvGroup {
  std::int64_t rows, keys;
  std::int64_t group;                   // heads
  std::int64_t diagonal;                // causal: query i sees key j if j <= i + diagonal
  tile::HbmPagedMatrix Q, O, O_split;   // [rows, head_dim]
  tile::HbmPagedMatrix K, V;            // [keys, head_dim]
  tile::HbmPagedVector LSE, LSE_split;  // [rows]
  float K_scale, V_scale;               // what the elements of the cache have been divided by
};

// Null in a tensor that is not there, or empty.
inline std::byte* at_element(const TensorView& view, std::int64_t element) {
  return view.data ? view.data + element * size_in_bytes(view.dtype) : nullptr;
}

// Rows of the group's queries in a tensor of all heads, from token `begin` on.
inline tile::HbmPagedMatrix packed_rows(const AttentionArgs& args, tile::Tensor tensor,
                                        const TensorView& view, std::int64_t begin,
                                        std::int64_t first_head, std::int64_t rows) {
  const std::int64_t offset = begin * view.row_stride + first_head * view.head_stride;
  return {.tensor = tensor,
          .dtype = view.dtype,
          .data = at_element(view, offset),
          .rows = rows,
          .cols = args.head_dim,
          .row_stride = view.head_stride,
          .page_rows = args.heads / args.kv_heads,
          .page_stride = view.row_stride};
}

// The keys or values of a head in a cache, whose elements `view` describes.
inline tile::HbmPagedMatrix cached_rows(const CacheView& cache, tile::Tensor tensor,
                                        const TensorView& view, std::int64_t batch,
                                        std::int64_t kv_head, std::int64_t head_dim) {
  const bool paged = cache.block_table;
  const std::int64_t offset = (paged ? 0 : batch * cache.page_stride) + kv_head * view.head_stride;
  return {.tensor = tensor,
          .dtype = view.dtype,
          .data = at_element(view, offset),
          .rows = cache.lengths[batch],
          .cols = head_dim,
          .row_stride = view.row_stride,
          .page_rows = cache.page_size,
          .page_stride = cache.page_stride,
          .table = paged ? cache.block_table + batch * cache.max_pages : nullptr,
          .cache_pages = cache.pages};
}

// The keys or values of a head: pages of the cache, or one page of the tensor, which begins at
// token `begin`.
inline tile::HbmPagedMatrix key_rows_of(const AttentionArgs& args, tile::Tensor tensor,
                                        const TensorView& view, std::int64_t begin,
                                        std::int64_t batch, std::int64_t kv_head,
                                        std::int64_t keys) {
  if (args.cache.lengths)
    return cached_rows(args.cache, tensor, view, batch, kv_head, args.head_dim);
  return {.tensor = tensor,
          .dtype = view.dtype,
          .data = at_element(view, begin * view.row_stride + kv_head * view.head_stride),
          .rows = keys,
          .cols = args.head_dim,
          .row_stride = view.row_stride,
          .page_rows = std::max<std::int64_t>(keys, 1),
          .page_stride = 0};
}

// O_split and LSE_split are those of one split; they are laid out as O and LSE, a split after
// another.
inline KvGroup kv_group(const AttentionArgs& args, std::int64_t batch, std::int64_t kv_head,
                        std::int64_t split) {
  using tile::Tensor;
  const bool packed = args.cu_seqlens_q != nullptr;
  const std::int64_t q_begin = packed ? args.cu_seqlens_q[batch] : batch * args.seqlen_q;
  const std::int64_t k_begin = packed ? args.cu_seqlens_k[batch] : batch * args.seqlen_k;
  const std::int64_t queries = packed ? args.cu_seqlens_q[batch + 1] - q_begin : args.seqlen_q;
  const std::int64_t keys = args.cache.lengths ? args.cache.lengths[batch]
                            : packed           ? args.cu_seqlens_k[batch + 1] - k_begin
                                               : args.seqlen_k;
  const std::int64_t group = args.heads / args.kv_heads, head = kv_head * group;
  const std::int64_t rows = queries * group, row = args.heads * args.head_dim;
  const auto statistics = [&](Tensor tensor, float* data) -> tile::HbmPagedVector {
    const std::int64_t stride = packed ? args.total_q : args.seqlen_q;
    const std::int64_t first =
        packed ? head * stride + q_begin : (batch * args.heads + head) * stride;
    return {tensor, data ? data + first : nullptr, rows, stride, group, 1};
  };
  const auto partial = [&](float* data, std::int64_t elements) {
    return data ? data + split * elements : nullptr;
  };
  const TensorView O_split = {
      reinterpret_cast<std::byte*>(partial(args.O_split, args.total_q * row)), DType::f32, row,
      args.head_dim};
  const auto factor = [&](const float* of_heads) { return of_heads ? of_heads[kv_head] : 1; };
  return {.rows = rows,
          .keys = keys,
          .group = group,
          .diagonal = keys - queries,
          .Q = packed_rows(args, Tensor::Q, args.Q, q_begin, head, rows),
          .O = packed_rows(args, Tensor::O, args.O, q_begin, head, rows),
          .O_split = packed_rows(args, Tensor::O_split, O_split, q_begin, head, rows),
          .K = key_rows_of(args, Tensor::K, args.K, k_begin, batch, kv_head, keys),
          .V = key_rows_of(args, Tensor::V, args.V, k_begin, batch, kv_head, keys),
          .LSE = statistics(Tensor::LSE, args.LSE),
          .LSE_split =
              statistics(Tensor::LSE_split, partial(args.LSE_split, args.total_q * args.heads)),
          .K_scale = factor(args.cache.k_scale),
          .V_scale = factor(args.cache.v_scale)};
}

// Keys that a split attends to of those that are seen: whole tiles, as even as that allows. Some
// splits may have none.
inline KeyRange keys_of_split(std::int64_t seen, std::int64_t key_rows, std::int64_t split,
                              std::int64_t splits) {
  const std::int64_t tiles = tile::ceil_div(std::max<std::int64_t>(seen, 0), key_rows);
  const std::int64_t share = tile::ceil_div(tiles, splits) * key_rows;
  return {split * share, std::min(seen, (split + 1) * share)};
}

// Workspace for the outputs of each split.
inline void allocate_splits(tile::Device& device, AttentionArgs& args) {
  const std::int64_t rows = args.splits * args.total_q * args.heads * 4;
  const auto allocate = [&](tile::Tensor tensor, std::int64_t bytes) {
    return reinterpret_cast<float*>(device.workspace(tensor, bytes));
  };
  args.O_split = allocate(tile::Tensor::O_split, rows * args.head_dim);
  args.LSE_split = allocate(tile::Tensor::LSE_split, rows);
}

}  // namespace flash
