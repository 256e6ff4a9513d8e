// Are gradients right? The reference, the plain computation in the problem's precision, and the
// acceptance rule of check/checker.h, which the FlashAttention project applies to gradients as well
// (tests/test_flash_attn.py; three times the plain error in one of its suites, twice here).
#pragma once

#include <string>
#include <vector>

#include "attention/tensors.h"
#include "check/checker.h"

namespace flash {

// One key head of one sequence, and the query heads that share it.
struct KeyHead {
  std::int64_t batch, kv_head;
};

// All of them if their gradients take at most `budget` FLOPs; otherwise as many, from the first to
// the last. A gradient of K is a sum over all queries, so that single rows would cost as much.
std::vector<KeyHead> sample_key_heads(const Problem& problem, double budget);

// Gradients of one key head: dq [heads of the group, queries, head_dim], dk and dv [keys,
// head_dim].
template <class Scalar>
struct HeadGradients {
  std::vector<Scalar> dq, dk, dv;
};

// What the rounding of one operation may do to the gradients of a key head, at most and in the
// mean over the queries.
struct GradientRounding {
  Bound dq, dk, dv;
};

// For the gradient of O that the inputs have: with S = scale Q K^T, P = softmax(S) and
// dP = dO V^T, dS = P (dP - rowsum(P dP)), dQ = scale dS K, dK = scale dS^T Q and dV = P^T dO, in
// double.
HeadGradients<double> reference_backward(const Problem& problem, const Inputs& inputs,
                                         const KeyHead& head, GradientRounding* rounding = nullptr);

// The same as a framework without fusion computes it: every matrix is accumulated in fp32 and
// rounded to the problem's dtype, and so are the gradients of each query head before those of a
// group are added.
HeadGradients<float> plain_backward(const Problem& problem, const Inputs& inputs,
                                    const KeyHead& head);

// What gradients of a problem are compared with, for each of the heads.
struct ExpectedGradients {
  std::vector<KeyHead> heads;
  std::vector<HeadGradients<double>> reference;
  Bound dq, dk, dv;
};

ExpectedGradients expect_gradients(const Problem& problem, const Inputs& inputs);

// Of one of dQ, dK and dV.
struct GradientErrors {
  double max = 0, mean = 0;
  Bound bound = {};
  std::int64_t wrong = 0, count = 0;  // elements
  Place worst = {};                   // head: of q for dQ, of k for dK and dV; batch and row

  bool passed() const { return wrong == 0 && mean <= bound.mean; }
};

struct GradientCheck {
  GradientErrors dq, dk, dv;
  std::int64_t heads_checked = 0, heads_total = 0;  // key heads of all sequences

  bool passed() const { return dq.passed() && dk.passed() && dv.passed(); }
};

// Throws BadInput if the gradients do not have the problem's size.
GradientCheck check(const Problem& problem, const ExpectedGradients& expected,
                    const Gradients& gradients);

// A summary in one line; of a failure also the worst place and the share that is wrong of each
// tensor.
std::string describe(const GradientCheck& result);

}  // namespace flash
