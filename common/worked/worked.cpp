#include "worked/worked.h"

#include <array>

#include "worked/chapters.h"

namespace flash {

std::span<const WorkedExample> worked_examples() {
  static constexpr std::array examples = {
      WorkedExample{"three_tokens", three_tokens},
      WorkedExample{"score_sizes", score_sizes},
      WorkedExample{"naive_beside_v2", naive_beside_v2},
      WorkedExample{"intensities", intensities},
      WorkedExample{"two_sweeps", two_sweeps},
      WorkedExample{"crossover", crossover},
      WorkedExample{"block_sizes", block_sizes},
      WorkedExample{"block_curve", block_curve},
      WorkedExample{"key_tiles", key_tiles},
      WorkedExample{"three_tiles", three_tiles},
      WorkedExample{"traffic_of_algorithm_1", traffic_of_algorithm_1},
      WorkedExample{"merged_tiles", merged_tiles},
      WorkedExample{"small_softmax", small_softmax},
      WorkedExample{"small_gradients_by_hand", small_gradients_by_hand},
      WorkedExample{"small_dropout", small_dropout},
      WorkedExample{"wrong_gradients_00", wrong_gradients_00},
      WorkedExample{"wrong_gradients_02", wrong_gradients_02},
      WorkedExample{"wrong_gradients_03", wrong_gradients_03},
      WorkedExample{"forward_beside_backward", forward_beside_backward},
      WorkedExample{"backward_key_tiles", backward_key_tiles},
      WorkedExample{"backward_causal_tiles", backward_causal_tiles},
      WorkedExample{"backward_blocks", backward_blocks},
      WorkedExample{"forward_and_backward", forward_and_backward},
      WorkedExample{"order_of_sums", order_of_sums},
      WorkedExample{"cost_of_splits", cost_of_splits},
      WorkedExample{"outlier_rotated", outlier_rotated},
      WorkedExample{"wrong_recurrences", wrong_recurrences},
      WorkedExample{"published_shares", published_shares},
      WorkedExample{"published_speedups", published_speedups},
      WorkedExample{"published_decoding", published_decoding},
      WorkedExample{"two_mistakes", two_mistakes},
      WorkedExample{"rounded_accumulator", rounded_accumulator},
      WorkedExample{"counted_tiles", counted_tiles},
      WorkedExample{"causal_tiles", causal_tiles},
      WorkedExample{"waves", waves},
      WorkedExample{"slow_flops", slow_flops},
      WorkedExample{"padded_heads", padded_heads},
      WorkedExample{"query_tiles", query_tiles},
      WorkedExample{"one_tile", one_tile},
      WorkedExample{"ring_of_two", ring_of_two},
      WorkedExample{"room_of_tiles", room_of_tiles},
      WorkedExample{"causal_order", causal_order},
      WorkedExample{"room_of_gradients", room_of_gradients},
      WorkedExample{"fp8_bits", fp8_bits},
      WorkedExample{"quantised_row", quantised_row},
      WorkedExample{"rotated_row", rotated_row},
      WorkedExample{"small_weights", small_weights},
      WorkedExample{"units_of_v", units_of_v},
      WorkedExample{"three_splits", three_splits},
      WorkedExample{"one_query_on_132_sms", one_query_on_132_sms},
      WorkedExample{"splits_of_48_blocks", splits_of_48_blocks},
      WorkedExample{"bytes_of_splits", bytes_of_splits},
      WorkedExample{"bytes_of_a_token", bytes_of_a_token},
  };
  return examples;
}

}  // namespace flash
