// The mistakes that people make in backward passes, each a change of one step of the computation.
// Includes Eigen, so for .cpp files only.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "attention/plan.h"
#include "check/gradients.h"
#include "check/row_blocks.h"

namespace flash {

// The backward pass of one query head; matrices are [queries, keys] unless they are said to be
// [queries, d] or [keys, d].
struct GradientTerms {
  using Column = Eigen::ArrayXd;
  using Array = Eigen::Array<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

  double scale;
  std::int64_t diagonal, query_rows, key_rows;  // of a tile
  bool causal, has_dropout;
  Matrix<double> q = {}, d_o = {}, o = {};  // [queries, d]
  Matrix<double> k = {}, v = {};            // [keys, d]
  Array S = {};                             // scaled, nothing is masked
  Array seen = {};                          // 1 or 0
  Column lse = {}, D = {};                  // of each query
  Array P = {}, dP = {}, dS = {};           // dS without the scale
  tile::Dropout dropout = {};
  Array drop = {};                  // the factor of each weight: 0, or that of dropout
  Array dropped_P = {};             // P drop
  Matrix<double> dq = {};           // [queries, d]
  Matrix<double> dk = {}, dv = {};  // [keys, d]
};

// What a kernel makes of S and LSE: e^(S - LSE) where it is seen, infinite where fp32 overflows. A
// row of -inf counts as 0.
GradientTerms::Array weights(const GradientTerms::Array& S, const GradientTerms::Column& lse,
                             const GradientTerms::Array& seen);

// Each member changes what the step before it has computed; null where the mistake leaves it.
struct GradientMistake {
  using Change = void (*)(GradientTerms&);

  std::string_view name;
  Change lse = nullptr, seen = nullptr;
  Change P = nullptr;          // of dV and of dS
  Change dropped_P = nullptr;  // of dV
  Change drop = nullptr;       // before dropped_P and dP
  Change dP = nullptr, D = nullptr;
  Change dS = nullptr;
  Change sums = nullptr;  // dq, dk and dv
  // Which heads of a group count, and whether some of the tensors are always those of its first.
  enum class Heads { all, first, last };
  Heads of_dq = Heads::all, of_dk = Heads::all, of_dv = Heads::all;
  bool first_lse = false, first_q = false, first_d_o = false, first_drop = false;
};

// Where two give the same result, the likelier one comes first. A name may come twice: for kernels
// that differ in what else they do.
std::span<const GradientMistake> gradient_mistakes();
std::span<const GradientMistake> gradient_mistakes_of_dropout();
std::span<const GradientMistake> gradient_mistakes_of_roles();

// Of one key head, and the largest P on the way, which is at most 1 where it is right.
struct MistakenGradients : HeadGradients<double> {
  double largest_weight = 0;
};

// As the mistake computes them.
MistakenGradients backward_with_mistake(const Problem& problem, const Inputs& inputs,
                                        const KeyHead& head, const TileShape& tiles,
                                        const GradientMistake& mistake);

}  // namespace flash
