// What stage 06 promises beyond the shared suite: what its splits cost, and a KV cache in pages.
#include <gtest/gtest.h>

#include <cstring>

#include "attention/cost/cost.h"
#include "attention/kv_cache.h"
#include "check/checker.h"
#include "report/report.h"
#include "testing/counters_of.h"

namespace flash {
namespace {

const Stage& stage() {
  return find_stage("06_flash_decoding");
}

constexpr std::uint64_t seed = 3;  // of the order of pages

Outputs decode(tile::cpu::Device& device, const Problem& p, const Inputs& inputs,
               const KvCache& cache, int splits) {
  Outputs outputs = unwritten_outputs(p);
  stage().forward(device, with_cache(make_args(p, inputs, outputs), cache, splits));
  return outputs;
}

// 2 key heads, each read by a group of 4 heads; 256 keys in 2 tiles of 128.
const Problem decode_step{.heads = 8, .kv_heads = 2, .seqlen_q = 1, .seqlen_k = 256};

// Catches K and V read for each query head, and splits that read each other's keys.
TEST(FlashDecoding, ReadsKeysOncePerKeyHead) {
  const Inputs inputs = generate(decode_step, 1);
  const KvCache cache = filled_cache(decode_step, inputs, DType::f32, 0, seed);
  for (const int splits : {1, 2, 4}) {
    tile::cpu::Device device;
    decode(device, decode_step, inputs, cache, splits);
    const tile::Counters& c = device.counters();
    EXPECT_EQ(c.hbm_read[Tensor::K], 2 * 256 * 64 * 4);
    EXPECT_EQ(c.hbm_read[Tensor::V], 2 * 256 * 64 * 4);
    EXPECT_EQ(c.hbm_read[Tensor::Q], splits * 8 * 64 * 4);
    EXPECT_EQ(c.flops, 2 * 2 * 2 * (2 * 8 * 128 * 64));  // tiles of 8 rows, not 128
    EXPECT_EQ(c.hbm_write[Tensor::O], 8 * 64 * 4);
    EXPECT_EQ(c.hbm_write[Tensor::O_split], splits == 1 ? 0 : splits * 8 * 64 * 4);
    EXPECT_EQ(c.hbm_read[Tensor::LSE_split], splits == 1 ? 0 : splits * 8 * 4);
    EXPECT_EQ(c.launches, splits == 1 ? 1 : 2);
  }
}

// Catches a page looked up for each key, and a formula that forgets the block table.
TEST(FlashDecoding, CountsTheBlockTable) {
  const Inputs inputs = generate(decode_step, 1);
  for (const std::int64_t page_size : {1, 16, 48, 256}) {
    for (const DType dtype : {DType::f32, DType::e4m3}) {
      tile::cpu::Device device;
      decode(device, decode_step, inputs, filled_cache(decode_step, inputs, dtype, page_size, seed),
             3);
      Shape shape = decode_step.shape();
      shape.splits = 3;
      const tile::Counters cost =
          decoding_cost(decode_step, decoding_plan(shape), dtype, page_size);
      EXPECT_EQ(describe_difference(device.counters(), cost), "");
      // The second tile begins inside a page of 48 or 256, which is then looked up for both.
      const std::int64_t entries = page_size == 1    ? 256
                                   : page_size == 16 ? 16
                                   : page_size == 48 ? 3 + 4
                                                     : 2;
      EXPECT_EQ(device.counters().hbm_read[Tensor::pages], 2 * 2 * entries * 4) << page_size;
    }
  }
}

void expect_near(const Outputs& a, const Outputs& b, const Problem& p, double o_error) {
  for (std::int64_t i = 0; i < q_elements(p); ++i)
    ASSERT_FALSE(!(std::abs(element(a.o, p.dtype, i) - element(b.o, p.dtype, i)) <= o_error)) << i;
  for (std::size_t i = 0; i < a.lse.size(); ++i)
    ASSERT_FALSE(!(std::abs(a.lse[i] - b.lse[i]) <= 1e-5)) << i;
}

// Catches keys left out or seen twice between splits, and rows of the wrong page.
TEST(FlashDecoding, OneQueryOfALongSequence) {
  const Problem p{.heads = 16, .kv_heads = 2, .seqlen_q = 1, .seqlen_k = 1 << 16, .head_dim = 128};
  const Inputs inputs = generate(p, 8);
  const Expected expected = expect(p, inputs);
  tile::cpu::Device device;
  Outputs first;
  for (const std::int64_t page_size : {0, 1, 16, 256}) {
    const KvCache cache = filled_cache(p, inputs, DType::f32, page_size, seed);
    for (const int splits : {1, 2, 3, 8, 32, 57, 128}) {
      const Outputs outputs = decode(device, p, inputs, cache, splits);
      const CheckResult result = check(p, expected, outputs);
      EXPECT_TRUE(result.passed) << page_size << ", " << splits << ": " << describe(result);
      EXPECT_LE(result.lse_max_abs_error, 1e-5);
      if (first.o.empty()) first = outputs;
      expect_near(outputs, first, p, 4e-6);
    }
  }
}

// Catches a wrong conversion or scale: the reference reads what the cache holds.
TEST(FlashDecoding, CachesOfEveryType) {
  Problem p{.batch = 2, .heads = 12, .kv_heads = 2, .seqlen_q = 1, .seqlen_k = 333};
  for (const DType dtype : {DType::f32, DType::bf16, DType::f16, DType::e4m3, DType::e5m2}) {
    for (const std::int64_t head_dim : {64, 80, 128}) {
      p.head_dim = head_dim;
      Inputs inputs = generate(p, 5);
      KvCache cache = make_cache(dtype, p.batch, p.kv_heads, p.head_dim, p.seqlen_k, 16);
      cache.k_scale = {0.5f, 0.25f};
      cache.v_scale = {2, 0.5f};
      tile::cpu::Device device;
      append(device, cache, key_view(p, inputs.k), key_view(p, inputs.v), p.seqlen_k);
      const auto round = [&](Buffer& buffer, const std::vector<float>& scale) {
        for (std::int64_t i = 0; i < k_elements(p); ++i) {
          const float factor = scale[i / p.head_dim % p.kv_heads];
          tile::with_type(dtype, [&](auto type) {
            using T = decltype(type);
            const float x = element(buffer, p.dtype, i) / factor;
            set_element(buffer, p.dtype, i, tile::to_float(tile::from_float<T>(x)) * factor);
          });
        }
      };
      round(inputs.k, cache.k_scale);
      round(inputs.v, cache.v_scale);
      const Expected expected = expect(p, inputs);
      for (const int splits : {1, 3}) {
        const Outputs outputs = decode(device, p, inputs, cache, splits);
        const CheckResult result = check(p, expected, outputs);
        EXPECT_TRUE(result.passed) << name(dtype) << ", " << head_dim << ": " << describe(result);
      }
    }
  }
}

// Calls f(where it lies in the cache, where it lies in k, bytes) for each row of a packed problem.
template <class F>
void for_each_row(const Problem& p, const KvCache& cache, const F& f) {
  const std::int64_t bytes = p.head_dim * 4;
  for (std::int64_t b = 0; b < p.batch; ++b)
    for (std::int64_t key = 0; key < cache.lengths[b]; ++key)
      for (std::int64_t head = 0; head < p.kv_heads; ++head) {
        const std::int64_t index = b * cache.max_pages + key / cache.page_size;
        const std::int64_t page = cache.block_table.empty() ? b : cache.block_table[index];
        const std::int64_t row = key % cache.page_size;
        f(((page * p.kv_heads + head) * cache.page_size + row) * bytes,
          ((p.cu_seqlens_k[b] + key) * p.kv_heads + head) * bytes, bytes);
      }
}

// Catches a length of another sequence, keys past the end of a short one, and NaN from one that has
// none: in every split, or in some.
TEST(FlashDecoding, SequencesOfDifferentLengths) {
  const std::vector<std::int32_t> lengths = {0, 1, 63, 64, 65, 300};
  for (const bool causal : {false, true}) {
    Problem p{.batch = 6, .heads = 12, .kv_heads = 2, .seqlen_q = 3, .seqlen_k = 300};
    p.causal = causal;
    p.cu_seqlens_q = {0, 3, 6, 9, 12, 15, 18};
    p.cu_seqlens_k = {0};
    for (const std::int32_t length : lengths)
      p.cu_seqlens_k.push_back(p.cu_seqlens_k.back() + length);
    const Inputs inputs = generate(p, 7);
    const Expected expected = expect(p, inputs);
    for (const std::int64_t page_size : {0, 7, 64}) {
      KvCache cache = make_cache(DType::f32, p.batch, p.kv_heads, p.head_dim, 300, page_size);
      // What lies behind a sequence's last key is NaN.
      std::fill(cache.k.begin(), cache.k.end(), std::byte{0xff});
      std::fill(cache.v.begin(), cache.v.end(), std::byte{0xff});
      cache.lengths = lengths;
      for_each_row(p, cache, [&](std::int64_t to, std::int64_t from, std::int64_t bytes) {
        std::memcpy(cache.k.data() + to, inputs.k.data() + from, bytes);
        std::memcpy(cache.v.data() + to, inputs.v.data() + from, bytes);
      });
      for (const int splits : {1, 2, 128}) {
        tile::cpu::Device device;
        device.set_checked(splits == 2);
        const CheckResult result = check(p, expected, decode(device, p, inputs, cache, splits));
        EXPECT_TRUE(result.passed) << page_size << ", " << splits << ": " << describe(result);
      }
    }
  }
}

// Catches a read outside the cache: who calls the kernel without with_cache() is told in checked
// mode.
TEST(FlashDecoding, CheckedModeReportsAPageOutsideTheCache) {
  const Inputs inputs = generate(decode_step, 1);
  KvCache cache = filled_cache(decode_step, inputs, DType::f32, 16, seed);
  Outputs outputs = unwritten_outputs(decode_step);
  const AttentionArgs args = with_cache(make_args(decode_step, inputs, outputs), cache, 1);
  cache.block_table[5] = 16;
  tile::cpu::Device device(tile::find_gpu("h100"), 1);
  device.set_checked(true);
  try {
    stage().forward(device, args);
    FAIL() << "not reported";
  } catch (const tile::TileError& error) {
    EXPECT_EQ(std::string(error.what()),
              "attention, block (0, 0, 0): load of tile K: page 5 of tensor K is page 16, outside "
              "the 16 of the cache");
  }
}

}  // namespace
}  // namespace flash
