// What the backward pass of chapter 04 has on chip.
#include "attention/plan.h"
#include "report/text.h"
#include "worked/chapters.h"

namespace flash {

// KiB of a block's tiles, where they lie, and what dQ would take without the exchange of dS.
std::string room_of_gradients() {
  std::string text =
      "| d, type | tile | K, V | rings of Q, dO | LSE, D | dS | dQ | shared memory | registers |\n"
      "|---|---|--:|--:|--:|--:|--:|--:|--:|\n";
  for (const int d : {64, 128, 256})
    for (const DType dtype : {DType::bf16, DType::f32}) {
      const auto [head_dim, B_r, B_c] = backward_tile_shape(d);
      const int element = size_in_bytes(dtype), consumers = gradient_consumers(B_c);
      const double K_V = 2.0 * B_c * d * element;
      const double Q_dO = (2.0 + dO_ring_depth(d)) * B_r * d * element;
      const double vectors = 4.0 * 4 * B_r, dS = 1.0 * B_r * B_c * element, dQ = 4.0 * B_r * d;
      const double accumulators = 2.0 * 4 * B_r * B_c + 2.0 * 4 * B_c * d + dQ;
      const double registers = accumulators + 2 * dS + 4.0 * consumers * B_r;
      const auto kib = [](double bytes) { return text_of(" %.1f |", bytes / 1024); };
      text += text_of("| %d, %s | %d × %d |", head_dim, name(dtype).data(), B_r, B_c);
      for (const double bytes : {K_V, Q_dO, vectors, dS, dQ, K_V + Q_dO + vectors + dS + dQ})
        text += kib(bytes);
      text += kib(registers) + "\n";
    }
  return text;
}

}  // namespace flash
