// The attention problem: its shapes, and where each sequence lies.
#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

#include "tile/compiler.h"
#include "tile/dropout.h"
#include "tile/dtype.h"
#include "tile/error.h"

namespace flash {

using tile::BadInput;
using tile::DType;

inline constexpr int max_head_dim = 256;

// Rows of one sequence in the packed q and k; for padded tensors every sequence has the same
// length.
struct Sequence {
  std::int64_t q_begin, q_length;
  std::int64_t k_begin, k_length;
};

// Keys [begin, end) of a sequence.
struct KeyRange {
  std::int64_t begin, end;

  std::int64_t size() const { return end - begin; }
};

// The sizes of a problem, as a kernel is given them.
struct Shape {
  std::int64_t batch, heads, kv_heads;
  std::int64_t seqlen_q, seqlen_k;  // packed: of the longest sequence
  std::int64_t head_dim, total_q;
  DType dtype, kv_dtype;  // of Q and O; of K and V, which lie in a cache of another type maybe
  bool causal;
  bool deterministic = false;  // backward: dQ is added up in the order of the keys
  float dropout = 0;           // the probability that a weight is dropped
  std::uint64_t dropout_seed = 0;
  int splits = 0;                              // of the keys; 0: as many as plan.h says
  const std::int32_t* cu_seqlens_q = nullptr;  // packed: batch + 1 offsets; null: not packed
  const std::int32_t* cu_seqlens_k = nullptr;

  TILE_HOST_DEVICE std::int64_t group() const { return heads / kv_heads; }

  TILE_HOST_DEVICE Sequence sequence(std::int64_t b) const {
    if (!cu_seqlens_q) return {b * seqlen_q, seqlen_q, b * seqlen_k, seqlen_k};
    return {cu_seqlens_q[b], cu_seqlens_q[b + 1] - cu_seqlens_q[b],  //
            cu_seqlens_k[b], cu_seqlens_k[b + 1] - cu_seqlens_k[b]};
  }

  // Which weights of head h of sequence b are dropped.
  TILE_HOST_DEVICE tile::Dropout dropout_of(std::int64_t b, std::int64_t h) const {
    return {.threshold = static_cast<std::uint32_t>(0x1p32 * double{dropout}),
            .scale = 1 / (1 - dropout),
            .seed = {static_cast<std::uint32_t>(dropout_seed),
                     static_cast<std::uint32_t>(dropout_seed >> 32)},
            .head = static_cast<std::uint32_t>(b * heads + h)};
  }

  // Where the statistics (LSE, m, l) of head h of sequence b begin.
  TILE_HOST_DEVICE std::int64_t row_offset(std::int64_t b, std::int64_t h) const {
    return cu_seqlens_q ? h * total_q + cu_seqlens_q[b] : (b * heads + h) * seqlen_q;
  }
};

// q, o:  [batch, seqlen_q, heads, head_dim]        packed: [total_q, heads, head_dim]
// k, v:  [batch, seqlen_k, kv_heads, head_dim]     packed: [total_k, kv_heads, head_dim]
// lse:   [batch, heads, seqlen_q] fp32             packed: [heads, total_q]
// Query head h reads key head h / (heads / kv_heads). A causal query i sees the keys
// j <= i + (seqlen_k - seqlen_q) of its sequence.
struct Problem {
  std::int64_t batch = 1;
  std::int64_t heads = 4;
  std::int64_t kv_heads = 4;
  std::int64_t seqlen_q = 1024;  // packed: the longest sequence
  std::int64_t seqlen_k = 1024;
  std::int64_t head_dim = 64;
  DType dtype = DType::f32;
  bool causal = false;
  bool deterministic = false;                   // backward: dQ has the same bits every time
  double dropout = 0;                           // the probability that a weight is dropped
  std::uint64_t dropout_seed = 0;               // decides which ones are
  double scale = 0;                             // of the scores; 0 means 1/sqrt(head_dim)
  std::vector<std::int32_t> cu_seqlens_q = {};  // packed: batch + 1 offsets; empty otherwise
  std::vector<std::int32_t> cu_seqlens_k = {};

  bool packed() const { return !cu_seqlens_q.empty(); }
  std::int64_t total_q() const { return packed() ? cu_seqlens_q.back() : batch * seqlen_q; }
  std::int64_t total_k() const { return packed() ? cu_seqlens_k.back() : batch * seqlen_k; }
  double softmax_scale() const {
    return scale != 0 ? scale : 1 / std::sqrt(static_cast<double>(head_dim));
  }

  Shape shape() const {
    return {.batch = batch,
            .heads = heads,
            .kv_heads = kv_heads,
            .seqlen_q = seqlen_q,
            .seqlen_k = seqlen_k,
            .head_dim = head_dim,
            .total_q = total_q(),
            .dtype = dtype,
            .kv_dtype = dtype,
            .causal = causal,
            .deterministic = deterministic,
            .dropout = static_cast<float>(dropout),
            .dropout_seed = dropout_seed,
            .cu_seqlens_q = packed() ? cu_seqlens_q.data() : nullptr,
            .cu_seqlens_k = packed() ? cu_seqlens_k.data() : nullptr};
  }
  Sequence sequence(std::int64_t b) const { return shape().sequence(b); }
  tile::Dropout dropout_of(std::int64_t b, std::int64_t h) const {
    return shape().dropout_of(b, h);
  }
  std::int64_t row_offset(std::int64_t b, std::int64_t h) const { return shape().row_offset(b, h); }
};

// What a query of the sequence sees; empty where the causal mask hides every key.
KeyRange visible_keys(const Problem& problem, const Sequence& sequence, std::int64_t query);

// Throws BadInput, naming the argument, its value and what was expected.
void validate(const Problem& problem);

// 4 N_q N_k d a head, half of it when causal: what GFLOP/s counts whatever a stage executes.
double nominal_flops(const Problem& problem);

}  // namespace flash
