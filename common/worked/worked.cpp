#include "worked/worked.h"

#include <array>

#include "worked/chapters.h"

namespace flash {

std::span<const WorkedExample> worked_examples() {
  static constexpr std::array examples = {
      WorkedExample{"three_tiles", three_tiles},
      WorkedExample{"traffic_by_head_dim", traffic_by_head_dim},
      WorkedExample{"block_sizes", block_sizes},
      WorkedExample{"traffic_of_algorithm_1", traffic_of_algorithm_1},
      WorkedExample{"merged_tiles", merged_tiles},
      WorkedExample{"small_backward", small_backward},
      WorkedExample{"cost_of_splits", cost_of_splits},
      WorkedExample{"outlier_rotated", outlier_rotated},
      WorkedExample{"wrong_recurrences", wrong_recurrences},
      WorkedExample{"published_shares", published_shares},
      WorkedExample{"published_speedups", published_speedups},
      WorkedExample{"published_decoding", published_decoding},
  };
  return examples;
}

}  // namespace flash
