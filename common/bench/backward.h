// Checks and measures the backward pass of a stage.
#pragma once

#include <string>

#include "bench/measure.h"
#include "check/gradients.h"
#include "stages/execute.h"

namespace flash {

struct BackwardVerdict {
  Outputs outputs;          // with the gradients
  tile::Counters counters;  // of the backward pass
  GradientCheck check;
  std::string misuse;       // of the machine, a TileError: there are no gradients then
  std::string differences;  // of the counters from the formula, a line each
  std::string looks_like;   // the name of a mistake, if the gradients are those of one
  std::string values;       // what wrong gradients are, else

  bool passed() const { return misuse.empty() && differences.empty() && check.passed(); }
};

// Runs the forward pass and the backward pass once, and compares the gradients with `expected`, the
// counters with the formula. Throws BadInput, as for a workspace that does not fit.
BackwardVerdict run_and_check(const Stage& stage, tile::cpu::Device& device, const Problem& problem,
                              const Inputs& inputs, const ExpectedGradients& expected);

// Says what wrong gradients look like.
void name_mistake(const Problem& problem, const Inputs& inputs, const ExpectedGradients& expected,
                  BackwardVerdict& verdict);

// All that is wrong, in lines; empty if nothing is.
std::string describe(const BackwardVerdict& verdict);

// As precheck() of the forward pass: what is wrong on the first of the small problems on which
// something is; empty if nothing is.
std::string precheck_backward(const Stage& stage, tile::cpu::Device& device, std::int64_t head_dim);

// As measure() of the forward pass. What is timed is the backward pass alone.
Measured measure(const Stage& stage, tile::cpu::Device& device, const Problem& problem,
                 const Inputs& inputs, const ExpectedGradients& expected, int runs);

// As explore() of the forward pass. The bits of dQ have to be the same where its sums have an
// order.
void explore_backward(const Stage& stage, tile::cpu::Device& device, const Problem& problem,
                      const Inputs& inputs, int schedules, Measured& measured);

// Inputs with a gradient of O.
Inputs generate_with_gradient(const Problem& problem, std::uint64_t seed);

}  // namespace flash
