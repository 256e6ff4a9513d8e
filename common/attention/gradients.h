// Views of what the backward pass reads and writes.
#pragma once

#include "attention/args.h"

namespace flash {

// One query head of one sequence, with its gradients. Those of K and V are sums over the heads of a
// group.
struct GradientHead : Head {
  tile::HbmMatrix dO, dQ, dQ_acc;  // [queries, head_dim]
  tile::HbmMatrix dK, dV;          // [keys, head_dim] of the head's group
  tile::HbmMatrix dP, dS;          // [queries, keys]
  tile::HbmVector D;               // [queries]
  tile::HbmTurns turns;            // [tiles of queries]: the next tile of keys that adds to dQ
};

// A head or a sequence that there is not gives views that every transfer refuses.
TILE_HOST_DEVICE inline GradientHead gradient_head(const AttentionArgs& args, std::int64_t b,
                                                   std::int64_t h) {
  GradientHead to{args.head(b, h), {}, {}, {}, {}, {}, {}, {}, {}, {}};
  if (to.Q.outside.axis) b = h = 0;
  const GradientTensors& of = args.gradient;
  const Sequence s = args.sequence(b);
  const auto like = [](tile::HbmMatrix matrix, tile::TensorId tensor, const TensorView& view,
                       std::int64_t begin, std::int64_t head) {
    return rows_of(tensor, view, begin, matrix.rows, matrix.cols, head, matrix.outside);
  };
  const auto scores = [&](tile::TensorId tensor, float* data) {
    tile::HbmMatrix matrix = to.S;
    matrix.tensor = tensor;
    matrix.data =
        reinterpret_cast<std::byte*>(data ? data + args.row_offset(b, h) * args.seqlen_k : nullptr);
    return matrix;
  };
  const std::int64_t kv_head = h / args.group();
  to.dO = like(to.Q, Tensor::dO, of.dO, s.q_begin, h);
  to.dQ = like(to.Q, Tensor::dQ, of.dQ, s.q_begin, h);
  to.dQ_acc = like(to.Q, Tensor::dQ_acc, of.dQ_acc, s.q_begin, h);
  to.dK = like(to.K, Tensor::dK, of.dK, s.k_begin, kv_head);
  to.dV = like(to.K, Tensor::dV, of.dV, s.k_begin, kv_head);
  to.dP = scores(Tensor::dP, of.dP);
  to.dS = scores(Tensor::dS, of.dS);
  to.D = to.LSE;
  to.D.tensor = Tensor::D;
  to.D.data = of.D ? of.D + args.row_offset(b, h) : nullptr;
  to.turns = {.tensor = Tensor::turns,
              .data = of.turns ? of.turns + (b * args.heads + h) * of.query_tiles : nullptr,
              .rows = of.query_tiles,
              .outside = to.Q.outside};
  return to;
}

}  // namespace flash
