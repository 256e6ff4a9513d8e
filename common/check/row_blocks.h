// Attention over chosen rows, a block of rows at a time: the traversal that the reference, the
// plain computation and the known mistakes share. Includes Eigen, so for their .cpp files only.
#pragma once

// GCC 12 takes the undefined operands of its own AVX-512 intrinsics for a mistake (GCC bug 105593).
#pragma GCC diagnostic push
#ifndef __clang__
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <Eigen/Core>
#pragma GCC diagnostic pop

#include <functional>

#include "attention/tensors.h"
#include "check/rows.h"

namespace flash {

template <class Scalar>
using Matrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

// A part of a row of the score matrix.
template <class Scalar>
using RowSlice = Eigen::Ref<Eigen::Matrix<Scalar, 1, Eigen::Dynamic>>;

// What a row of weights still has to be divided by, and its log-sum-exp.
template <class Scalar>
struct RowSum {
  Scalar divisor;
  Scalar lse;
};

// A row of O.
struct RowId {
  std::int64_t batch, head, query;
};

// What is read, and how much of it a row sees. The functions that are empty change nothing: known
// mistakes have them.
struct Operands {
  const Buffer& q;
  const Buffer& k;
  const Buffer& v;
  double scale;
  std::function<std::int64_t(std::int64_t head)> kv_head;
  std::function<KeyRange(const RowId&)> visible;
  std::function<RowId(const RowId&)> q_row = {};                         // that a row of O takes
  std::function<std::int64_t(std::int64_t batch)> kv_batch = {};         // whose keys it takes
  std::function<std::int64_t(std::int64_t key)> k_row = {}, v_row = {};  // that is read for a key
  std::int64_t score_columns = max_head_dim;                             // of q that count
  std::function<float(const RowId&, std::int64_t key)> drop = {};        // the factor of a weight
};

inline Operands operands(const Problem& problem, const Inputs& inputs) {
  Operands in{inputs.q,
              inputs.k,
              inputs.v,
              problem.softmax_scale(),
              [&problem](std::int64_t head) { return head / (problem.heads / problem.kv_heads); },
              [&problem](const RowId& row) {
                return visible_keys(problem, problem.sequence(row.batch), row.query);
              }};
  if (problem.dropout > 0)
    in.drop = [&problem](const RowId& row, std::int64_t key) {
      return problem.dropout_of(row.batch, row.head).factor(row.query, key);
    };
  return in;
}

// Rows begin, begin + 1, ... of one head, widened. For float and double.
template <class Scalar>
void load(const Buffer& buffer, DType dtype, std::int64_t begin, std::int64_t heads,
          std::int64_t head, Eigen::Ref<Matrix<Scalar>> to);

// Turns the scaled scores that a row sees, at least one, into weights in place.
template <class Scalar>
using Weigh = std::function<RowSum<Scalar>(RowSlice<Scalar>, const RowId&)>;

// O and LSE of the chosen rows. For float and double.
template <class Scalar>
RowResults<Scalar> attend_rows(const Problem& problem, const Operands& in, const Rows& rows,
                               const Weigh<Scalar>& weigh);

}  // namespace flash
