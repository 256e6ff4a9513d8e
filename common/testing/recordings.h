// Recordings of stages that the model's tests look at.
#pragma once

#include <string>

#include "model/predict.h"
#include "stages/stage.h"

namespace flash::model {

inline const Problem problem{.batch = 2,
                             .heads = 4,
                             .kv_heads = 2,
                             .seqlen_q = 300,
                             .seqlen_k = 500,
                             .head_dim = 64,
                             .dtype = DType::bf16,
                             .causal = true};

inline Recording recorded(const std::string& stage, const Gpu& gpu = find_gpu("h100")) {
  const Stage& found = find_stage(stage);
  return record(gpu, found, found.passes.front().run, problem);
}

inline Recording recorded_backward(const std::string& stage, const Gpu& gpu = find_gpu("h100")) {
  return record_backward(gpu, find_stage(stage), problem);
}

}  // namespace flash::model
