// A stage as data: its name, its passes, and what they cost. Its attention.h ends with one.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "attention/args.h"
#include "attention/fp8.h"
#include "tile/device.h"

namespace flash {

// One direction of attention: its kernels, and what they cost.
struct Pass {
  enum class Kind : std::uint8_t { forward, backward };
  using Run = std::function<void(tile::Device&, const AttentionArgs&)>;

  Kind kind;
  // Forward: writes args.O and args.LSE. Backward: writes args.gradient.dQ, dK and dV. It runs on
  // the device on which the forward pass ran last, with the same arguments: what that wrote, and
  // what is in its workspace, is there.
  Run run;
  tile::Counters (*cost)(const Problem&, const Plan&);  // exact; what the counters must equal
};

// A stage compiled with other switches.
struct Variant {
  std::string_view name;
  Pass::Run run;
};

// Of a kernel that has none: a stage's own template of this name hides it.
template <class Device>
std::vector<Variant> variants() {
  return {};
}

// Of a stage, or of a step on the way to one from the stage before: a complete kernel as well. A
// step of the backward pass has none of its own forward: it is given that of its stage.
struct Stage {
  std::string_view name;  // of the folder, "03_v2"; of a step, "03/1_loops", "03/backward/4_exp2"
  std::string_view idea;  // one line
  std::vector<Pass> passes;
  Plan (*plan)(const Shape&) = plan_of;
  std::optional<Fp8> fp8 = {};  // none: computes in the problem's dtype
  std::vector<Variant> variants = {};
  bool any_order = false;  // of a step: blocks add to dQ as they come, whatever is asked for

  // The forward pass.
  void forward(tile::Device& device, const AttentionArgs& args) const {
    passes.front().run(device, args);
  }

  // Null where the stage has none.
  const Pass* backward() const {
    for (const Pass& pass : passes)
      if (pass.kind == Pass::Kind::backward) return &pass;
    return nullptr;
  }
  bool is_step() const { return name.find('/') != name.npos; }
  bool is_backward_step() const { return name.find("/backward/") != name.npos; }

  // Both throw BadInput for a head dimension that a step is not compiled for.
  tile::Counters cost(const Problem& problem) const {
    const Plan whole = plan(problem.shape());
    return passes.front().cost(problem, is_backward_step() ? whole : compiled(whole, problem));
  }
  // Of its backward pass; for an order that a step does not keep as well.
  tile::Counters backward_cost(const Problem& problem) const {
    if (any_order && problem.deterministic)
      throw BadInput("deterministic", "of " + std::string(name),
                     "a backward pass that adds up dQ in order");
    return backward()->cost(problem, compiled(backward_plan(problem.shape()), problem));
  }

 private:
  Plan compiled(Plan of, const Problem& problem) const {
    if (!is_step()) return of;
    if (problem.head_dim > max_step_head_dim)
      throw BadInput("head_dim", std::to_string(problem.head_dim),
                     "at most the 128 that step " + std::string(name) + " is compiled for");
    of.tiles = step_tiles(of.tiles);
    return of;
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

template <class Device>
Pass backward_pass(void (*run)(Device&, AttentionArgs),
                   tile::Counters (*cost)(const Problem&, const Plan&)) {
  return {Pass::Kind::backward, run_on(run), cost};
}

}  // namespace flash
