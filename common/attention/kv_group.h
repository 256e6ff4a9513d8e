// What Flash-Decoding works on: the query heads that share a key head, packed into one matrix.
#pragma once

#include "attention/args.h"

namespace flash {

// One key head of one sequence, and the group of query heads that read it. Row r of the queries is
// head r % group of query r / group, so that a tile of rows reads K and V once for all heads.
struct KvGroup {
  std::int64_t rows, keys;
  std::int64_t group;              // heads
  std::int64_t diagonal;           // causal: query i sees key j if j <= i + diagonal
  tile::HbmMatrix Q, O, O_split;   // [rows, head_dim], a query to a page
  tile::HbmMatrix K, V;            // [keys, head_dim]
  tile::HbmVector LSE, LSE_split;  // [rows]
  float K_scale, V_scale;          // what the elements of the cache have been divided by
};

// The keys or values of a head in a cache, whose elements `view` describes.
TILE_HOST_DEVICE inline tile::HbmMatrix cached_rows(const CacheView& cache, tile::TensorId tensor,
                                                    const TensorView& view, std::int64_t batch,
                                                    std::int64_t kv_head, std::int64_t head_dim,
                                                    const tile::OutOfRange& outside) {
  const bool paged = cache.block_table;
  const std::int64_t offset = (paged ? 0 : batch * cache.page_stride) + kv_head * view.head_stride;
  return {.tensor = tensor,
          .dtype = view.dtype,
          .data = view.data ? view.data + offset * size_in_bytes(view.dtype) : nullptr,
          .rows = cache.lengths[batch],
          .cols = head_dim,
          .row_stride = view.row_stride,
          .page_rows = cache.page_size,
          .page_stride = cache.page_stride,
          .table = paged ? cache.block_table + batch * cache.max_pages : nullptr,
          .table_tensor = Tensor::pages,
          .cache_pages = cache.pages,
          .outside = outside};
}

// `group` query heads, the i-th such group of a sequence: one alone, or all that share a key head.
// O_split and LSE_split are those of one split; they are laid out as O and LSE, a split after
// another.
TILE_HOST_DEVICE inline KvGroup query_heads(const AttentionArgs& args, std::int64_t batch,
                                            std::int64_t i, std::int64_t group,
                                            std::int64_t split) {
  tile::OutOfRange wrong = args.outside(batch, i, args.heads / group);
  const std::int64_t splits = std::max(args.splits, 1);
  if (!wrong.axis && (split < 0 || split >= splits)) wrong = {"split", split, splits};
  if (wrong.axis) batch = i = split = 0;

  const Sequence s = args.sequence(batch);
  const std::int64_t keys = args.cache.lengths ? args.cache.lengths[batch] : s.k_length;
  const std::int64_t head = i * group, kv_head = head / args.group(), rows = s.q_length * group;
  const auto queries = [&](tile::TensorId tensor, const TensorView& view) {
    tile::HbmMatrix packed = rows_of(tensor, view, s.q_begin, rows, args.head_dim, head, wrong);
    packed.row_stride = view.head_stride;
    packed.page_rows = group;
    packed.page_stride = view.row_stride;
    return packed;
  };
  const auto key_rows = [&](tile::TensorId tensor, const TensorView& view) {
    return args.cache.lengths
               ? cached_rows(args.cache, tensor, view, batch, kv_head, args.head_dim, wrong)
               : rows_of(tensor, view, s.k_begin, keys, args.head_dim, kv_head, wrong);
  };
  const auto statistics = [&](tile::TensorId tensor, float* data) -> tile::HbmVector {
    return {.tensor = tensor,
            .data = data ? data + args.row_offset(batch, head) : nullptr,
            .rows = rows,
            .row_stride = args.cu_seqlens_q ? args.total_q : args.seqlen_q,
            .page_rows = group,
            .page_stride = 1,
            .outside = wrong};
  };
  const auto partial = [&](float* data, std::int64_t row) {
    return data ? data + split * args.total_q * args.heads * row : nullptr;
  };
  const TensorView O_split = {reinterpret_cast<std::byte*>(partial(args.O_split, args.head_dim)),
                              DType::f32, args.heads * args.head_dim, args.head_dim};
  return {.rows = rows,
          .keys = keys,
          .group = group,
          .diagonal = keys - s.q_length,
          .Q = queries(Tensor::Q, args.Q),
          .O = queries(Tensor::O, args.O),
          .O_split = queries(Tensor::O_split, O_split),
          .K = key_rows(Tensor::K, args.K),
          .V = key_rows(Tensor::V, args.V),
          .LSE = statistics(Tensor::LSE, args.LSE),
          .LSE_split = statistics(Tensor::LSE_split, partial(args.LSE_split, 1)),
          .K_scale = args.cache.k_scale ? args.cache.k_scale[kv_head] : 1,
          .V_scale = args.cache.v_scale ? args.cache.v_scale[kv_head] : 1};
}

TILE_HOST_DEVICE inline KvGroup kv_group(const AttentionArgs& args, std::int64_t batch,
                                         std::int64_t kv_head, std::int64_t split) {
  return query_heads(args, batch, kv_head, args.group(), split);
}

// A group of one head, whose row r is query r.
TILE_HOST_DEVICE inline KvGroup query_head(const AttentionArgs& args, std::int64_t batch,
                                           std::int64_t head, std::int64_t split) {
  return query_heads(args, batch, head, 1, split);
}

}  // namespace flash
