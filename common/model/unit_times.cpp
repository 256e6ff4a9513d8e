#include "model/unit_times.h"

namespace flash::model {

UnitWork work_of(const tile::Op& op) {
  const auto elements = static_cast<double>(op.elements);
  if (op.name == "exp2_difference")  // the difference and its factor are one FMA
    return {.exponentials = elements, .fma = elements};
  if (op.name == "exp_difference")  // a subtraction and a factor log2(e)
    return {.exponentials = elements, .fma = 2 * elements};
  if (op.name == "log_sum_exp") return {.exponentials = elements, .fma = 2 * elements};
  if (op.name == "update_row_max" || op.name == "largest_magnitude") return {.maxima = elements};
  if (op.name == "convert") return {.conversions = elements};
  // By way of shared memory: written as 16-bit operands; products read it there.
  if (op.name == "transpose") return {.conversions = elements, .shared_bytes = 2 * elements};
  if (op.name.starts_with("mask_"))  // a comparison and a selection
    return {.fma = elements, .maxima = elements};
  if (op.name == "hadamard") return {.fma = static_cast<double>(op.flops) / 2 + elements};
  return {.fma = elements};
}

}  // namespace flash::model
