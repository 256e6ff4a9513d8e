#include "worked/worked.h"

#include <array>

#include "worked/chapters.h"

namespace flash {

std::span<const WorkedExample> worked_examples() {
  static constexpr std::array examples = {
      WorkedExample{"three_tiles", three_tiles},
  };
  return examples;
}

}  // namespace flash
