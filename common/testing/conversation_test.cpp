// A conversation: a prompt in one pass of stage 03, then an answer token by token with stage 06.
// Linked with both, so it is no part of either's tests.
#include <gtest/gtest.h>

#include <cstring>

#include "attention/kv_cache.h"
#include "check/checker.h"
#include "check/generator.h"
#include "stages/execute.h"

namespace flash {
namespace {

constexpr std::int64_t prompt = 1000, total = 1200;

// Tokens [first, first + count) of a tensor with `token` bytes for each.
Buffer tokens(const Buffer& buffer, std::int64_t token, std::int64_t first, std::int64_t count) {
  return {buffer.begin() + first * token, buffer.begin() + (first + count) * token};
}

class Conversation {
 public:
  Conversation(DType dtype, std::int64_t page_size)
      : problem_{.heads = 8,
                 .kv_heads = 2,
                 .seqlen_q = total,
                 .seqlen_k = total,
                 .dtype = dtype,
                 .causal = true},
        inputs_(generate(problem_, 8)),
        said_(unwritten_outputs(problem_)),
        cache_(make_cache(dtype, 1, 2, 64, total, page_size)) {}

  // The next `count` tokens: their keys and values go into the cache, then they attend to all.
  void say(const Stage& stage, std::int64_t count) {
    const std::int64_t first = cache_.lengths[0];
    const std::int64_t k_token = 2 * 64 * size_in_bytes(problem_.dtype), q_token = 4 * k_token;
    const Inputs part = {tokens(inputs_.q, q_token, first, count),
                         tokens(inputs_.k, k_token, first, count),
                         tokens(inputs_.v, k_token, first, count)};
    Problem step = problem_;
    step.seqlen_q = step.seqlen_k = count;
    Outputs outputs = unwritten_outputs(step);
    AttentionArgs args = make_args(step, part, outputs);
    append(device_, cache_, args.K, args.V, count);
    if (first > 0) args = with_cache(args, cache_);
    stage.forward(device_, args);
    std::memcpy(said_.o.data() + first * q_token, outputs.o.data(), outputs.o.size());
    for (std::int64_t h = 0; h < 8; ++h)
      std::copy_n(outputs.lse.data() + h * count, count, said_.lse.data() + h * total + first);
  }

  // Against the reference, and against one pass of `stage` over all tokens, row by row.
  void expect_equal_to_one_pass(const Stage& stage) {
    const Expected expected = expect(problem_, inputs_);
    const CheckResult result = check(problem_, expected, said_);
    EXPECT_TRUE(result.passed) << describe(result);
    const Outputs pass = execute(stage, device_, problem_, inputs_);
    for (std::int64_t i = 0; i < q_elements(problem_); ++i) {
      const double difference =
          std::abs(element(said_.o, problem_.dtype, i) - element(pass.o, problem_.dtype, i));
      ASSERT_FALSE(!(difference <= expected.o.max)) << "row " << i / (8 * 64);
    }
    for (std::int64_t i = 0; i < lse_elements(problem_); ++i)
      ASSERT_FALSE(!(std::abs(said_.lse[i] - pass.lse[i]) <= 1e-5)) << "row " << i % total;
  }

 private:
  Problem problem_;
  Inputs inputs_;
  Outputs said_;
  KvCache cache_;
  tile::cpu::Device device_;
};

// Catches a decode step that misses its own key, a page that a new token overwrites, and a prefill
// whose keys are not those that later tokens see.
TEST(ConversationTest, DecodingContinuesAPrefill) {
  const Stage &prefill = find_stage("03_v2"), &decode = find_stage("06_flash_decoding");
  for (const DType dtype : {DType::f32, DType::bf16}) {
    for (const std::int64_t page_size : {1, 16, 256}) {
      Conversation conversation(dtype, page_size);
      conversation.say(prefill, prompt);
      for (std::int64_t t = prompt; t < total; ++t) conversation.say(decode, 1);
      conversation.expect_equal_to_one_pass(prefill);
    }
  }
}

// Catches a causal mask that takes the tokens of one step for one token.
TEST(ConversationTest, SeveralTokensInAStep) {
  const Stage &prefill = find_stage("03_v2"), &decode = find_stage("06_flash_decoding");
  Conversation conversation(DType::f32, 16);
  conversation.say(prefill, prompt);
  for (const std::int64_t count : {2, 3, 5, 40, 150}) conversation.say(decode, count);
  conversation.expect_equal_to_one_pass(prefill);
}

}  // namespace
}  // namespace flash
