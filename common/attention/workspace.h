// HBM that a stage needs beside its inputs and outputs.
#pragma once

#include "attention/args.h"
#include "attention/fp8.h"
#include "tile/tile.h"

namespace flash {

// [heads, total_q, seqlen_k] fp32: S and P of the standard attention.
inline float* scores_workspace(tile::Device& device, tile::Tensor tensor,
                               const AttentionArgs& args) {
  const std::int64_t bytes = args.heads * args.total_q * args.seqlen_k * 4;
  return reinterpret_cast<float*>(device.workspace(tensor, bytes));
}

// [heads, total_q] fp32: m and l, laid out as the LSE.
inline float* row_workspace(tile::Device& device, tile::Tensor tensor, const AttentionArgs& args) {
  return reinterpret_cast<float*>(device.workspace(tensor, args.heads * args.total_q * 4));
}

// The fp32 accumulator that FlashAttention-1 keeps in HBM: O itself where O is fp32.
inline TensorView accumulator_workspace(tile::Device& device, const AttentionArgs& args) {
  if (args.dtype == DType::f32) return args.O;
  const std::int64_t bytes = args.total_q * args.heads * args.head_dim * 4;
  return {device.workspace(tile::Tensor::O_acc, bytes), DType::f32, args.heads * args.head_dim,
          args.head_dim};
}

// Q, K and V in FP8, with a scale for each block of so many rows.
inline Quantised quantised_workspace(tile::Device& device, const AttentionArgs& args, DType format,
                                     int q_block_rows, int k_block_rows) {
  const std::int64_t total_k =
      args.cu_seqlens_k ? args.cu_seqlens_k[args.batch] : args.batch * args.seqlen_k;
  const std::int64_t columns = rotated_dim(args.head_dim), keys = V8_stride(total_k);
  const std::int64_t q_blocks = tile::ceil_div(args.seqlen_q, q_block_rows);
  const std::int64_t k_blocks = tile::ceil_div(args.seqlen_k, k_block_rows);
  const std::int64_t q_scales = args.batch * args.heads * q_blocks;
  const std::int64_t k_scales = args.batch * args.kv_heads * k_blocks;
  const auto rotated = [&](tile::Tensor tensor, std::int64_t rows,
                           std::int64_t heads) -> TensorView {
    return {device.workspace(tensor, rows * heads * columns), format, heads * columns, columns};
  };
  auto* scales = reinterpret_cast<float*>(
      device.workspace(tile::Tensor::scales, (q_scales + 2 * k_scales) * 4));
  return {.Q = rotated(tile::Tensor::Q8, args.total_q, args.heads),
          .K = rotated(tile::Tensor::K8, total_k, args.kv_heads),
          .V = {device.workspace(tile::Tensor::V8, args.kv_heads * args.head_dim * keys), format, 1,
                args.head_dim * keys},
          .V_column_stride = keys,
          .Q_scales = scales,
          .K_scales = scales + q_scales,
          .V_scales = scales + q_scales + k_scales,
          .q_blocks = q_blocks,
          .k_blocks = k_blocks};
}

}  // namespace flash
