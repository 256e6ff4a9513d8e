// A stage as data: its name, its passes, and what they cost. Its attention.h ends with one.
#pragma once

#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "attention/args.h"
#include "attention/fp8.h"
#include "tile/device.h"

namespace flash {

// One direction of attention: its kernels, and what they cost.
struct Pass {
  enum class Kind { forward };
  using Run = std::function<void(tile::Device&, const AttentionArgs&)>;

  Kind kind;
  Run run;                                              // writes args.O and args.LSE
  tile::Counters (*cost)(const Problem&, const Plan&);  // exact; what the counters must equal
};

// A stage compiled with other switches.
struct Variant {
  std::string_view name;
  Pass::Run run;
};

struct Stage {
  std::string_view name;  // of the folder, "03_v2"
  std::string_view idea;  // one line
  std::vector<Pass> passes;
  Plan (*plan)(const Shape&) = plan_of;
  std::optional<Fp8> fp8 = {};  // none: computes in the problem's dtype
  std::vector<Variant> variants = {};

  // The forward pass.
  void forward(tile::Device& device, const AttentionArgs& args) const {
    passes.front().run(device, args);
  }
  tile::Counters cost(const Problem& problem) const {
    return passes.front().cost(problem, plan(problem.shape()));
  }
};

// A pass that a template on the device runs.
template <class Device>
Pass::Run run_on(void (*run)(Device&, AttentionArgs)) {
  return [run](tile::Device& device, const AttentionArgs& args) {
    run(dynamic_cast<Device&>(device), args);
  };
}

template <class Device>
Pass forward_pass(void (*run)(Device&, AttentionArgs),
                  tile::Counters (*cost)(const Problem&, const Plan&)) {
  return {Pass::Kind::forward, run_on(run), cost};
}

}  // namespace flash
