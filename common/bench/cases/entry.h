// A case with its tensors: checked, and ready to be timed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "attention/kv_cache.h"
#include "bench/cases/case.h"
#include "check/checker.h"
#include "stages/stage.h"
#include "tile/cpu/device.h"

namespace flash {

class Entry {
 public:
  // Runs the stage once and checks what it gives, of a large problem in a sample of the rows.
  // Throws BadInput, as for a case that its stage cannot run.
  Entry(const Case& measured, const std::vector<Stage>& stages, std::uint64_t seed);
  Entry(const Entry&) = delete;

  const std::string& failure() const { return failure_; }  // empty if all is right
  const CheckResult& check() const { return check_; }
  Outputs& outputs() { return outputs_; }  // of the last run

  // The cache; of no bytes where there is none.
  const KvCache& cache() const { return cache_; }

  void run() {
    if (backward_)
      stage_.backward()->run(device_, args_);
    else
      stage_.forward(device_, args_);
  }

 private:
  void check_backward(std::uint64_t seed);
  void check_cached(const CacheKind& kind, std::uint64_t seed);
  void check_plain();

  const Stage& stage_;
  const bool backward_;
  Problem problem_;
  Inputs inputs_;
  KvCache cache_;
  Outputs outputs_;
  AttentionArgs args_{};
  tile::cpu::Device device_;
  std::string failure_;
  CheckResult check_;
};

}  // namespace flash
