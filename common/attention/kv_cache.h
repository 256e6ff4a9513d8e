// The keys and values of a batch of sequences, kept from one decode step to the next.
#pragma once

#include <cstdint>
#include <vector>

#include "attention/args.h"
#include "attention/tensors.h"

namespace flash {

// k, v:         [pages, kv_heads, page_size, head_dim] of `dtype`: f32, bf16, f16, e4m3 or e5m2.
//               The keys of a head are adjacent: with the heads of a token adjacent instead, a
//               CPU's prefetchers would fetch the keys of all heads for each.
// block_table:  [batch, max_pages]; page i of sequence b holds its keys from i page_size on. Empty
//               where sequence b is page b and nothing else.
// lengths:      [batch], the keys that each sequence has
// k_scale, v_scale:  [kv_heads]; the elements are those of K and V divided by it. Empty: 1.
struct KvCache {
  DType dtype = DType::f32;
  std::int64_t kv_heads = 1, head_dim = 64;
  std::int64_t page_size = 1, pages = 0, max_pages = 1;
  Buffer k = {}, v = {};
  std::vector<std::int32_t> block_table = {}, lengths = {};
  std::vector<float> k_scale = {}, v_scale = {};

  std::int64_t head_stride() const { return page_size * head_dim; }  // in elements
  std::int64_t page_stride() const { return kv_heads * head_stride(); }
  std::int64_t capacity() const { return max_pages * page_size; }  // of a sequence, in keys
};

// An empty cache for `capacity` keys a sequence. The pages of `page_size` keys are dealt out at
// random, as they are in a server after a while; with page_size 0 a sequence has all its keys in a
// row and there is no block table.
KvCache make_cache(DType dtype, std::int64_t batch, std::int64_t kv_heads, std::int64_t head_dim,
                   std::int64_t capacity, std::int64_t page_size, std::uint64_t seed = 0);

// Throws BadInput if a length exceeds the pages, a page is none of the cache, or a size is wrong.
void validate(const KvCache& cache, std::int64_t batch);

// Views of the cache, for kernels: where its pages are, and its keys or values.
CacheView view_of(const KvCache& cache);
TensorView elements(const KvCache& cache, const Buffer& buffer);

// The same problem with the keys and values of the cache, whose lengths become those of the
// sequences; splits 0 are as many as plan.h says. Only stage 06 reads a cache. Throws BadInput.
AttentionArgs with_cache(AttentionArgs args, const KvCache& cache, int splits = 0);

}  // namespace flash
