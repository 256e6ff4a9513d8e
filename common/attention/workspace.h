// HBM that a stage needs beside its inputs and outputs.
#pragma once

#include <vector>

#include "attention/args.h"
#include "attention/fp8.h"
#include "tile/device.h"

namespace flash {

// `count` fp32 numbers.
inline float* float_workspace(tile::Device& device, tile::TensorId tensor, std::int64_t count) {
  return reinterpret_cast<float*>(device.workspace(tensor, count * 4));
}

// [heads, total_q, seqlen_k] fp32: S and P of the standard attention.
inline float* scores_workspace(tile::Device& device, tile::TensorId tensor, const Shape& shape) {
  return float_workspace(device, tensor, shape.heads * shape.total_q * shape.seqlen_k);
}

// [heads, total_q] fp32: m and l, laid out as the LSE.
inline float* row_workspace(tile::Device& device, tile::TensorId tensor, const Shape& shape) {
  return float_workspace(device, tensor, shape.heads * shape.total_q);
}

// The fp32 accumulator that FlashAttention-1 keeps in HBM: O itself where O is fp32.
inline TensorView accumulator_workspace(tile::Device& device, const AttentionArgs& args) {
  if (args.dtype == DType::f32) return args.O;
  const std::int64_t row = args.heads * args.head_dim;
  float* data = float_workspace(device, Tensor::O_acc, args.total_q * row);
  return {reinterpret_cast<std::byte*>(data), DType::f32, row, args.head_dim};
}

// The same of dQ.
inline TensorView dQ_workspace(tile::Device& device, const AttentionArgs& args) {
  if (args.dtype == DType::f32) return args.gradient.dQ;
  const std::int64_t row = args.heads * args.head_dim;
  float* data = float_workspace(device, Tensor::dQ_acc, args.total_q * row);
  return {reinterpret_cast<std::byte*>(data), DType::f32, row, args.head_dim};
}

// Whose turn it is to add to each tile of dQ, where that is in order.
inline void allocate_turns(tile::Device& device, AttentionArgs& args, int query_rows) {
  if (!args.deterministic) return;
  args.gradient.query_tiles = tile::ceil_div(args.seqlen_q, query_rows);
  const std::int64_t count = args.batch * args.heads * args.gradient.query_tiles;
  args.gradient.turns = reinterpret_cast<std::int32_t*>(device.workspace(Tensor::turns, count * 4));
}

// Q, K and V in FP8, with a scale for each tile of so many rows.
inline Quantised quantised_workspace(tile::Device& device, const Shape& shape, DType format,
                                     const TileShape& tiles) {
  const std::int64_t total_k =
      shape.cu_seqlens_k ? shape.cu_seqlens_k[shape.batch] : shape.batch * shape.seqlen_k;
  const std::int64_t columns = rotated_dim(shape.head_dim), keys = V8_stride(total_k);
  const std::int64_t q_blocks = tile::ceil_div(shape.seqlen_q, tiles.query_rows);
  const std::int64_t k_blocks = tile::ceil_div(shape.seqlen_k, tiles.key_rows);
  const std::int64_t q_scales = shape.batch * shape.heads * q_blocks;
  const std::int64_t k_scales = shape.batch * shape.kv_heads * k_blocks;
  const auto rotated = [&](tile::TensorId tensor, std::int64_t rows,
                           std::int64_t heads) -> TensorView {
    return {device.workspace(tensor, rows * heads * columns), format, heads * columns, columns};
  };
  float* scales = float_workspace(device, Tensor::scales, q_scales + 2 * k_scales);
  return {.Q = rotated(Tensor::Q8, shape.total_q, shape.heads),
          .K = rotated(Tensor::K8, total_k, shape.kv_heads),
          .V = {device.workspace(Tensor::V8, shape.kv_heads * shape.head_dim * keys), format, 1,
                shape.head_dim * keys},
          .V_column_stride = keys,
          .Q_scales = scales,
          .K_scales = scales + q_scales,
          .V_scales = scales + q_scales + k_scales,
          .q_blocks = q_blocks,
          .k_blocks = k_blocks};
}

// Outputs of each split of the keys.
inline void allocate_splits(tile::Device& device, AttentionArgs& args) {
  const std::int64_t rows = args.splits * args.total_q * args.heads;
  args.O_split = float_workspace(device, Tensor::O_split, rows * args.head_dim);
  args.LSE_split = float_workspace(device, Tensor::LSE_split, rows);
}

// What the host has worked out, where a kernel can read it.
template <class T>
tile::HbmArray<T> upload(tile::Device& device, tile::TensorId tensor, const std::vector<T>& from) {
  const std::int64_t rows = std::ssize(from), bytes = rows * static_cast<std::int64_t>(sizeof(T));
  std::byte* to = device.workspace(tensor, bytes);
  device.upload(to, from.data(), bytes);
  return {tensor, reinterpret_cast<const T*>(to), rows};
}

}  // namespace flash
