// HBM that a stage needs beside its inputs and outputs.
#pragma once

#include "attention/args.h"
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

}  // namespace flash
