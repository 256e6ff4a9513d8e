// What a reader guesses before a stage is written, beside what the stage does.
#pragma once

#include <string>

#include "attention/stage.h"
#include "workshop/progress.h"

namespace flash {

// Prefill, and for 06 a decode step.
Problem predicted_problem(const Stage& stage);

// Seconds that an H100 would need for each of a stage's works alone, at published rates: 3.35 TB/s
// from HBM, 989 TFLOP/s of bf16 products and twice that of FP8 (NVIDIA H100 datasheet, SXM), 16
// exponentials a clock on each of 132 SMs at 1.83 GHz (FlashAttention-3, arXiv:2407.08608, section
// 2.2). A tensor that fits in the L2 cache of 50 MB comes from HBM once.
struct Work {
  double memory, products, exponentials;

  std::string longest() const;  // "memory", "products" or "exponentials"
  // Or as good as that: within a tenth of the longest.
  bool is_longest(const std::string& what) const;
};
Work work_of(const Stage& stage, const Problem& problem, bool backward = false);

// "1.2 GB", "850MB", "3e8": bytes. Throws BadInput.
double parse_bytes(const std::string& text);

// The prediction beside the counted bytes and the works' times, some lines.
std::string compare(const Stage& stage, const Prediction& prediction, bool backward = false);

}  // namespace flash
