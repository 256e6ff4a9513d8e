#include "worked/worked.h"

#include <array>

#include "worked/chapters.h"

namespace flash {

std::span<const WorkedExample> worked_examples() {
  static constexpr std::array examples = {
      WorkedExample{"three_tiles", three_tiles},
      WorkedExample{"one_tile", one_tile},
      WorkedExample{"ring_of_two", ring_of_two},
      WorkedExample{"room_of_tiles", room_of_tiles},
      WorkedExample{"causal_order", causal_order},
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
