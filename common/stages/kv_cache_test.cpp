// A KV cache: what is appended to it, and what is refused. Stage 06's tests read it.
#include "attention/kv_cache.h"

#include <gtest/gtest.h>

#include <cstring>

#include "check/generator.h"
#include "stages/execute.h"

namespace flash {
namespace {

constexpr std::uint64_t seed = 3;  // of the order of pages

// Tokens [first, first + count) of the keys or values of each sequence.
Buffer tokens(const Buffer& buffer, const Problem& p, std::int64_t first, std::int64_t count) {
  const std::int64_t token = p.kv_heads * p.head_dim * size_in_bytes(p.dtype);
  Buffer part(p.batch * count * token);
  for (std::int64_t b = 0; b < p.batch; ++b)
    std::memcpy(part.data() + b * count * token, buffer.data() + (b * p.seqlen_k + first) * token,
                count * token);
  return part;
}

// Catches bits that are not the rounding, a key behind the wrong sequence, and a key overwritten.
TEST(KvCache, AppendRoundsIntoThePages) {
  const Problem p{
      .batch = 3, .heads = 2, .kv_heads = 2, .seqlen_q = 1, .seqlen_k = 37, .head_dim = 40};
  const Inputs inputs = generate(p, 6);
  for (const DType dtype : {DType::f32, DType::bf16, DType::f16, DType::e4m3}) {
    KvCache cache = make_cache(dtype, p.batch, p.kv_heads, p.head_dim, p.seqlen_k, 5, 8);
    tile::cpu::Device device;
    device.set_checked(true);
    for (const std::int64_t count : {1, 30, 6}) {
      const Buffer k = tokens(inputs.k, p, cache.lengths[0], count);
      const Buffer v = tokens(inputs.v, p, cache.lengths[0], count);
      append(device, cache, key_view(p, k), key_view(p, v), count);
    }
    for (std::int64_t i = 0; i < k_elements(p); ++i) {
      const std::int64_t column = i % p.head_dim, head = i / p.head_dim % p.kv_heads;
      const std::int64_t token = i / (p.kv_heads * p.head_dim);
      const std::int64_t b = token / p.seqlen_k, key = token % p.seqlen_k;
      const std::int64_t page = cache.block_table[b * cache.max_pages + key / 5];
      const std::int64_t at = ((page * p.kv_heads + head) * 5 + key % 5) * p.head_dim + column;
      tile::with_type(dtype, [&](auto type) {
        using T = decltype(type);
        const T rounded = tile::from_float<T>(element(inputs.v, p.dtype, i));
        ASSERT_EQ(std::memcmp(cache.v.data() + at * sizeof(T), &rounded, sizeof(T)), 0) << i;
      });
    }
  }
}

// The line that refuses what `change` does to a good cache of 2 pages of 16 keys a sequence.
std::string refusal(void (*change)(KvCache&), int splits = 1) {
  const Problem p{.batch = 2, .heads = 2, .kv_heads = 2, .seqlen_q = 1, .seqlen_k = 20};
  const Inputs inputs = generate(p, 1);
  KvCache cache = filled_cache(p, inputs, DType::f32, 16, seed);
  cache.block_table = {2, 0, 3, 1};
  change(cache);
  Outputs outputs = unwritten_outputs(p);
  try {
    with_cache(make_args(p, inputs, outputs), cache, splits);
  } catch (const BadInput& error) {
    return error.what();
  }
  return "";
}

// Catches a bad block table that reaches a kernel.
TEST(KvCache, RefusesABadOne) {
  EXPECT_EQ(refusal([](KvCache&) {}), "");
  EXPECT_EQ(refusal([](KvCache& c) { c.block_table[3] = 4; }),
            "block_table: page 1 of sequence 1 is page 4, expected one of the cache's 4");
  EXPECT_EQ(refusal([](KvCache& c) { c.block_table[0] = -1; }),
            "block_table: page 0 of sequence 0 is page -1, expected one of the cache's 4");
  EXPECT_EQ(refusal([](KvCache& c) { c.lengths[1] = 33; }),
            "lengths: 33 keys of sequence 1, expected 0 to the 32 of its 2 pages");
  EXPECT_EQ(refusal([](KvCache& c) { c.block_table.pop_back(); }),
            "block_table: 3 entries, expected batch x max_pages = 4");
  EXPECT_EQ(refusal([](KvCache& c) { c.block_table.clear(); }),
            "block_table: none, for 4 pages, expected a page for each of 2 sequences");
  EXPECT_EQ(refusal([](KvCache& c) { c.lengths.pop_back(); }),
            "lengths: 1 of them, expected one for each of 2 sequences");
  EXPECT_EQ(refusal([](KvCache& c) { c.k.pop_back(); }),
            "cache: 32767 bytes, expected 32768 of 4 pages");
  EXPECT_EQ(refusal([](KvCache& c) { c.k_scale = {1}; }),
            "scales: 1, expected one for each of the 2 key heads");
  EXPECT_EQ(refusal([](KvCache& c) { c.page_size = 0; }), "page_size: 0, expected 1 or more");
  EXPECT_EQ(refusal([](KvCache& c) { c.kv_heads = 1, c.head_dim = 128; }),
            "cache: 1 key heads of 128, expected 2 of 64");
  EXPECT_EQ(refusal([](KvCache&) {}, 129), "splits: 129, expected 1 to 128, or 0");
}

TEST(KvCache, RefusesToAppendToAFullOne) {
  const Problem p{.heads = 2, .kv_heads = 2, .seqlen_q = 1, .seqlen_k = 20};
  const Inputs inputs = generate(p, 1);
  KvCache cache = filled_cache(p, inputs, DType::f32, 16, seed);
  tile::cpu::Device device;
  for (const std::int64_t count : {std::int64_t{20}, std::int64_t{-1}, std::int64_t{1} << 32})
    EXPECT_THROW(append(device, cache, key_view(p, inputs.k), key_view(p, inputs.v), count),
                 BadInput);
  EXPECT_EQ(cache.lengths[0], 20);
}

}  // namespace
}  // namespace flash
