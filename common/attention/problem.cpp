#include "attention/problem.h"

#include <algorithm>
#include <string>

namespace flash {
namespace {

void require(bool holds, const char* argument, const std::string& value, const char* expected) {
  if (!holds) throw BadInput(argument, value, expected);
}

void require_range(std::int64_t value, std::int64_t minimum, std::int64_t maximum,
                   const char* argument) {
  require(value >= minimum && value <= maximum, argument, std::to_string(value),
          ("a number from " + std::to_string(minimum) + " to " + std::to_string(maximum)).c_str());
}

void require_offsets(const std::vector<std::int32_t>& offsets, std::int64_t batch,
                     const char* argument) {
  require(static_cast<std::int64_t>(offsets.size()) == batch + 1, argument,
          std::to_string(offsets.size()) + " offsets",
          ("batch + 1 = " + std::to_string(batch + 1)).c_str());
  require(offsets[0] == 0, argument, "begins with " + std::to_string(offsets[0]), "0");
  for (std::size_t i = 1; i < offsets.size(); ++i)
    require(offsets[i] >= offsets[i - 1], argument,
            std::to_string(offsets[i]) + " after " + std::to_string(offsets[i - 1]),
            "offsets that do not decrease");
}

}  // namespace

void validate(const Problem& problem) {
  // 2^31 - 1 tokens is what an int32 offset reaches; the product bounds every element count.
  constexpr std::int64_t maximum = (std::int64_t{1} << 31) - 1;
  require_range(problem.batch, 1, 1 << 20, "batch");
  require_range(problem.heads, 1, 1 << 16, "heads");
  require_range(problem.kv_heads, 1, 1 << 16, "kv_heads");
  require_range(problem.seqlen_q, 0, maximum, "seqlen_q");
  require_range(problem.seqlen_k, 0, maximum, "seqlen_k");
  require_range(problem.head_dim, 1, max_head_dim, "head_dim");
  require(problem.heads % problem.kv_heads == 0, "kv_heads", std::to_string(problem.kv_heads),
          ("a divisor of heads " + std::to_string(problem.heads)).c_str());
  require(std::isfinite(problem.scale) && problem.scale >= 0, "scale",
          std::to_string(problem.scale), "a positive number");
  require(problem.dropout >= 0 && problem.dropout < 1, "dropout", std::to_string(problem.dropout),
          "a probability from 0 to less than 1");
  require(problem.cu_seqlens_q.empty() == problem.cu_seqlens_k.empty(), "cu_seqlens",
          "given for one of q and k", "both or neither");
  if (problem.packed()) {
    require_offsets(problem.cu_seqlens_q, problem.batch, "cu_seqlens_q");
    require_offsets(problem.cu_seqlens_k, problem.batch, "cu_seqlens_k");
  }
  const double tokens = static_cast<double>(std::max(problem.total_q(), problem.total_k()));
  require(tokens * static_cast<double>(problem.heads * problem.head_dim) < 0x1p40 &&
              static_cast<double>(problem.total_q()) * static_cast<double>(problem.seqlen_k) *
                      static_cast<double>(problem.heads) <
                  0x1p58,
          "the problem",
          std::to_string(problem.batch) + " x " + std::to_string(problem.heads) + " heads of " +
              std::to_string(std::max(problem.seqlen_q, problem.seqlen_k)) + " x " +
              std::to_string(problem.head_dim),
          "fewer than 2^40 elements a tensor, and 2^58 scores");
}

KeyRange visible_keys(const Problem& problem, const Sequence& sequence, std::int64_t query) {
  if (!problem.causal) return {0, sequence.k_length};
  const std::int64_t end = query + 1 + sequence.k_length - sequence.q_length;
  return {0, std::clamp<std::int64_t>(end, 0, sequence.k_length)};
}

double nominal_flops(const Problem& problem) {
  double pairs = 0;
  for (std::int64_t b = 0; b < problem.batch; ++b) {
    const Sequence s = problem.sequence(b);
    pairs += static_cast<double>(s.q_length) * static_cast<double>(s.k_length);
  }
  const double full = 4 * pairs * static_cast<double>(problem.head_dim * problem.heads);
  return problem.causal ? full / 2 : full;
}

}  // namespace flash
