// The tensors of attention, by the papers' symbols, as counters and messages call them.
#pragma once

#include <array>

#include "tile/counters.h"

namespace flash {

struct Tensor {
  static constexpr tile::TensorId Q{0, "Q"}, K{1, "K"}, V{2, "V"};
  // Standard attention's scores and weights, and the row statistics.
  static constexpr tile::TensorId S{3, "S"}, P{4, "P"}, m{5, "m"}, l{6, "l"};
  // The fp32 accumulator that FlashAttention-1's loop order keeps in HBM: O itself where O is fp32.
  static constexpr tile::TensorId O_acc{7, "O_acc"};
  // What FP8 attention quantises to.
  static constexpr tile::TensorId Q8{8, "Q8"}, K8{9, "K8"}, V8{10, "V8"}, scales{11, "scales"};
  // The partial results of Flash-Decoding, and the block table of its KV cache.
  static constexpr tile::TensorId O_split{12, "O_split"}, LSE_split{13, "LSE_split"};
  static constexpr tile::TensorId pages{14, "pages"};
  // The order of work of a persistent kernel.
  static constexpr tile::TensorId schedule{15, "schedule"};
  static constexpr tile::TensorId O{16, "O"}, LSE{17, "LSE"};
  // The backward pass: gradients, the row sums of dO O, and standard attention's dP, then dS.
  static constexpr tile::TensorId dO{18, "dO"}, D{19, "D"}, dP{20, "dP"}, dS{21, "dS"};
  // The fp32 accumulator of dQ, dQ itself where that is fp32, and whose turn it is to add to it.
  static constexpr tile::TensorId dQ_acc{22, "dQ_acc"}, turns{26, "turns"};
  static constexpr tile::TensorId dQ{23, "dQ"}, dK{24, "dK"}, dV{25, "dV"};

  // In the order in which tables list them.
  static constexpr std::array all = {
      Q,     K,        V, S,   P,  m, l,  O_acc, Q8,     K8,    V8, scales, O_split, LSE_split,
      pages, schedule, O, LSE, dO, D, dP, dS,    dQ_acc, turns, dQ, dK,     dV};
};

}  // namespace flash
