#include "attention/kv_cache.h"

#include <algorithm>
#include <numeric>
#include <random>
#include <string>

#include "attention/plan.h"

namespace flash {
namespace {

void require(bool holds, const std::string& what, const std::string& expected) {
  if (!holds) throw BadInput(what + ", expected " + expected);
}

// Pages that `keys` keys take.
std::int64_t pages_of(const KvCache& cache, std::int64_t keys) {
  return tile::ceil_div(keys, cache.page_size);
}

void validate_sequence(const KvCache& cache, std::int64_t b) {
  const std::int64_t keys = cache.lengths[b];
  require(keys >= 0 && keys <= cache.capacity(),
          "lengths: " + std::to_string(keys) + " keys of sequence " + std::to_string(b),
          "0 to the " + std::to_string(cache.capacity()) + " of its " +
              std::to_string(cache.max_pages) + " pages");
  if (cache.block_table.empty()) return;
  for (std::int64_t i = 0; i < pages_of(cache, keys); ++i) {
    const std::int32_t page = cache.block_table[b * cache.max_pages + i];
    require(page >= 0 && page < cache.pages,
            "block_table: page " + std::to_string(i) + " of sequence " + std::to_string(b) +
                " is page " + std::to_string(page),
            "one of the cache's " + std::to_string(cache.pages));
  }
}

}  // namespace

TensorView elements(const KvCache& cache, const Buffer& buffer) {
  return {const_cast<std::byte*>(buffer.data()), cache.dtype, cache.head_dim, cache.head_stride()};
}

CacheView view_of(const KvCache& cache) {
  return {.lengths = cache.lengths.data(),
          .block_table = cache.block_table.empty() ? nullptr : cache.block_table.data(),
          .max_pages = cache.max_pages,
          .page_size = cache.page_size,
          .page_stride = cache.page_stride(),
          .pages = cache.pages,
          .k_scale = cache.k_scale.empty() ? nullptr : cache.k_scale.data(),
          .v_scale = cache.v_scale.empty() ? nullptr : cache.v_scale.data()};
}

KvCache make_cache(DType dtype, std::int64_t batch, std::int64_t kv_heads, std::int64_t head_dim,
                   std::int64_t capacity, std::int64_t page_size, std::uint64_t seed) {
  const bool paged = page_size > 0;
  KvCache cache{.dtype = dtype, .kv_heads = kv_heads, .head_dim = head_dim};
  cache.page_size = paged ? page_size : std::max<std::int64_t>(capacity, 1);
  cache.max_pages = std::max<std::int64_t>(pages_of(cache, capacity), 1);
  cache.pages = batch * cache.max_pages;
  cache.lengths.assign(batch, 0);
  const std::int64_t bytes = cache.pages * cache.page_stride() * size_in_bytes(dtype);
  cache.k.resize(bytes);
  cache.v.resize(bytes);
  if (!paged) return cache;
  cache.block_table.resize(cache.pages);
  std::iota(cache.block_table.begin(), cache.block_table.end(), 0);
  std::mt19937_64 random(seed);
  for (std::size_t i = cache.block_table.size(); i > 1; --i)
    std::swap(cache.block_table[i - 1], cache.block_table[random() % i]);
  return cache;
}

void validate(const KvCache& cache, std::int64_t batch) {
  const auto text = [](auto number) { return std::to_string(number); };
  require(cache.page_size >= 1, "page_size: " + text(cache.page_size), "1 or more");
  require(std::ssize(cache.lengths) == batch, "lengths: " + text(cache.lengths.size()) + " of them",
          "one for each of " + text(batch) + " sequences");
  const std::int64_t entries = cache.block_table.empty() ? 0 : batch * cache.max_pages;
  require(std::ssize(cache.block_table) == entries,
          "block_table: " + text(cache.block_table.size()) + " entries",
          "batch x max_pages = " + text(entries));
  require(entries > 0 || (cache.pages >= batch && cache.max_pages == 1),
          "block_table: none, for " + text(cache.pages) + " pages",
          "a page for each of " + text(batch) + " sequences");
  const std::int64_t elements = cache.pages * cache.page_stride();
  for (const Buffer* buffer : {&cache.k, &cache.v})
    require(std::ssize(*buffer) == elements * size_in_bytes(cache.dtype),
            "cache: " + text(buffer->size()) + " bytes",
            text(elements * size_in_bytes(cache.dtype)) + " of " + text(cache.pages) + " pages");
  for (const std::vector<float>* scale : {&cache.k_scale, &cache.v_scale})
    require(scale->empty() || std::ssize(*scale) == cache.kv_heads,
            "scales: " + text(scale->size()),
            "one for each of the " + text(cache.kv_heads) + " key heads");
  for (std::int64_t b = 0; b < batch; ++b) validate_sequence(cache, b);
}

AttentionArgs with_cache(AttentionArgs args, const KvCache& cache, int splits) {
  validate(cache, args.batch);
  require(cache.kv_heads == args.kv_heads && cache.head_dim == args.head_dim,
          "cache: " + std::to_string(cache.kv_heads) + " key heads of " +
              std::to_string(cache.head_dim),
          std::to_string(args.kv_heads) + " of " + std::to_string(args.head_dim));
  require(splits >= 0 && splits <= max_splits, "splits: " + std::to_string(splits),
          "1 to " + std::to_string(max_splits) + ", or 0");
  args.K = elements(cache, cache.k);
  args.V = elements(cache, cache.v);
  args.seqlen_k = *std::max_element(cache.lengths.begin(), cache.lengths.end());
  args.kv_dtype = cache.dtype;
  args.splits = splits;
  args.cache = view_of(cache);
  return args;
}

}  // namespace flash
