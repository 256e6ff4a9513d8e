// The backward pass of one key head, in double and in the problem's precision.
#include <algorithm>
#include <cmath>
#include <limits>

#include "check/errors.h"
#include "check/gradients.h"
#include "check/row_blocks.h"

namespace flash {
namespace {

constexpr double unit_roundoff = 0x1p-24;  // of fp32
constexpr std::int64_t max_block = 64;     // queries

template <class Scalar>
void round_to(DType dtype, Matrix<Scalar>& values) {
  if (std::is_same_v<Scalar, double> || dtype == DType::f32) return;
  tile::with_type(dtype, [&](auto type) {
    values = values.unaryExpr([](Scalar x) {
      return static_cast<Scalar>(
          tile::to_float(tile::from_float<decltype(type)>(static_cast<float>(x))));
    });
  });
}

// A block of queries of one head.
template <class Scalar>
struct QueryBlock {
  Matrix<Scalar> q, d_o;
  Matrix<Scalar> P, dP;      // [queries, keys]; dP is the gradient of P, not of dropped weights
  Matrix<Scalar> dropped_P;  // what V is multiplied by
  double factor = 1;         // of dropout, on those that are kept
  Eigen::Matrix<Scalar, Eigen::Dynamic, 1> lse;
};

// The rounding of one operation, as check/bounds.cpp has it for the forward pass, in each row.
//
// P is computed again as e^(S - LSE). Relative to P, the roundings of S and LSE are what the bound
// of LSE allows them, and 4 u for the exponential: delta = u (sqrt(d) scale |q| max|k| +
// 4 (|LSE| + 2)), u = 2^-24. D is made of an O whose weights and whose elements were rounded to the
// problem's type, by at most h = epsilon / 2 each. Those of the weights are one, where there is one
// key: h |P dP|. Those of the elements walk, with a standard deviation of about 0.4 h |dO O|, the
// norm of the products, of which we allow three and a half. Like a row of dP, D is also a sum of d
// products in fp32, u sqrt(d) |dO| max|v|, where dropout's factor is in v; the plain computation
// sums P dP. So dP - D is off by up to r = h (|P dP| + 1.4 |dO O|) + u sqrt(d) |dO| max|v|.
//
// A row of dQ then moves by scale (delta max_j |dS| max|k| + r |P K|). To dK_j and dV_j every row
// adds its own: the root of the sum of the squares of scale (P_ij r_i + delta_i |dS_ij|) q_i, and
// of delta_i P_ij dO_i.
class Rounding {
 public:
  Rounding(const Problem& problem, const Matrix<double>& k, const Matrix<double>& v)
      : scale_(problem.softmax_scale()),
        root_(std::sqrt(static_cast<double>(problem.head_dim))),
        half_unit_(epsilon(problem.dtype) / 2),
        k_(k),
        v_(v),
        dk_squares_(Matrix<double>::Zero(k.rows(), k.cols())),
        dv_squares_(dk_squares_) {
    if (k.size() == 0) return;
    largest_k_ = k.cwiseAbs().maxCoeff();
    k_norm_ = k.rowwise().norm().maxCoeff();
    v_norm_ = v.rowwise().norm().maxCoeff();
  }

  void add(const QueryBlock<double>& block, const Matrix<double>& dS) {
    using Column = Eigen::ArrayXd;
    const Column seen = block.lse.array().isFinite().cast<double>();
    const Column lse = (seen > 0).select(block.lse.array().abs(), 0.0);
    const Column delta =
        unit_roundoff * seen *
        (root_ * scale_ * k_norm_ * block.q.rowwise().norm().array() + 4 * (lse + 2));
    const Matrix<double> o = block.dropped_P * v_, mean_k = block.P * k_;
    const Column r =
        seen *
        (half_unit_ * (block.P.cwiseProduct(block.dP).rowwise().norm().array() +
                       1.4 * block.d_o.cwiseProduct(o).rowwise().norm().array()) +
         unit_roundoff * root_ * v_norm_ * block.factor * block.d_o.rowwise().norm().array());
    for (Eigen::Index i = 0; i < mean_k.rows(); ++i) {
      if (seen[i] == 0) continue;
      const double of_P = delta[i] * dS.row(i).cwiseAbs().maxCoeff() * largest_k_;
      for (const double x : mean_k.row(i)) dq_.add(scale_ * (of_P + r[i] * std::abs(x)));
    }
    const auto squares = [](const auto& x) { return Matrix<double>(x.square()); };
    const auto q = block.q.array().colwise(), d_o = block.d_o.array().colwise();
    const Matrix<double> P_squares = squares(block.P.array());
    dk_squares_ += P_squares.transpose() * squares(q * r);
    dk_squares_ += squares(dS.array()).transpose() * squares(q * delta);
    dv_squares_ += squares(block.dropped_P.array()).transpose() * squares(d_o * delta);
  }

  GradientRounding result() const {
    return {{dq_.max, dq_.mean()}, roots(dk_squares_, scale_), roots(dv_squares_, 1)};
  }

 private:
  static Bound roots(const Matrix<double>& squares, double factor) {
    const Eigen::ArrayXd all = factor * squares.reshaped().array().sqrt();
    return all.size() ? Bound{all.maxCoeff(), all.mean()} : Bound{};
  }

  const double scale_, root_, half_unit_;
  const Matrix<double>&k_, &v_;
  double largest_k_ = 0, k_norm_ = 0, v_norm_ = 0;
  Errors dq_;
  Matrix<double> dk_squares_, dv_squares_;
};

// P and dP of queries first, first + 1, ... of a head.
template <class Scalar>
QueryBlock<Scalar> query_block(const Problem& p, const Inputs& inputs, std::int64_t batch,
                               std::int64_t head, std::int64_t first, const Matrix<Scalar>& k,
                               const Matrix<Scalar>& v) {
  const Sequence s = p.sequence(batch);
  const std::int64_t rows = std::min(max_block, s.q_length - first);
  QueryBlock<Scalar> block;
  block.q.resize(rows, p.head_dim);
  block.d_o.resize(rows, p.head_dim);
  load<Scalar>(inputs.q, p.dtype, s.q_begin + first, p.heads, head, block.q);
  load<Scalar>(inputs.d_o, p.dtype, s.q_begin + first, p.heads, head, block.d_o);
  block.P = static_cast<Scalar>(p.softmax_scale()) * (block.q * k.transpose());
  round_to(p.dtype, block.P);
  block.lse.setConstant(rows, -std::numeric_limits<Scalar>::infinity());
  for (Eigen::Index i = 0; i < rows; ++i) {
    const KeyRange seen = visible_keys(p, s, first + i);
    auto row = block.P.row(i);
    row.head(seen.begin).setZero();
    row.tail(row.size() - seen.end).setZero();
    if (seen.size() == 0) continue;
    auto part = row.segment(seen.begin, seen.size());
    const Scalar row_max = part.maxCoeff();
    part = (part.array() - row_max).exp();
    const Scalar sum = part.sum();
    part /= sum;
    block.lse[i] = row_max + std::log(sum);
  }
  round_to(p.dtype, block.P);
  block.dP = block.d_o * v.transpose();
  block.dropped_P = block.P;
  if (p.dropout > 0) {
    const tile::Dropout dropout = p.dropout_of(batch, head);
    block.factor = dropout.scale;
    for (Eigen::Index i = 0; i < rows; ++i)
      for (Eigen::Index j = 0; j < block.P.cols(); ++j) {
        const auto factor = static_cast<Scalar>(dropout.factor(first + i, j));
        block.dropped_P(i, j) *= factor;
        block.dP(i, j) *= factor;
      }
    round_to(p.dtype, block.dropped_P);
  }
  round_to(p.dtype, block.dP);
  return block;
}

template <class Scalar>
HeadGradients<Scalar> backward(const Problem& p, const Inputs& inputs, const KeyHead& of,
                               GradientRounding* rounding) {
  const Sequence s = p.sequence(of.batch);
  const std::int64_t d = p.head_dim, group = p.heads / p.kv_heads;
  const auto scale = static_cast<Scalar>(p.softmax_scale());
  Matrix<Scalar> k(s.k_length, d), v(s.k_length, d);
  load<Scalar>(inputs.k, p.dtype, s.k_begin, p.kv_heads, of.kv_head, k);
  load<Scalar>(inputs.v, p.dtype, s.k_begin, p.kv_heads, of.kv_head, v);
  const Matrix<double> wide_k = k.template cast<double>(), wide_v = v.template cast<double>();
  Rounding of_one(p, wide_k, wide_v);
  Matrix<Scalar> dk = Matrix<Scalar>::Zero(s.k_length, d), dv = dk;
  HeadGradients<Scalar> result;
  for (std::int64_t head = of.kv_head * group; head < (of.kv_head + 1) * group; ++head) {
    Matrix<Scalar> dk_of_head = Matrix<Scalar>::Zero(s.k_length, d), dv_of_head = dk_of_head;
    for (std::int64_t first = 0; first < s.q_length; first += max_block) {
      QueryBlock<Scalar> block = query_block<Scalar>(p, inputs, of.batch, head, first, k, v);
      const auto D = (block.P.array() * block.dP.array()).rowwise().sum().eval();
      Matrix<Scalar> dS = block.P.array() * (block.dP.array().colwise() - D);
      if constexpr (std::is_same_v<Scalar, double>)
        if (rounding) of_one.add(block, dS);
      round_to(p.dtype, dS);
      Matrix<Scalar> dq = scale * (dS * k);
      round_to(p.dtype, dq);
      result.dq.insert(result.dq.end(), dq.data(), dq.data() + dq.size());
      dk_of_head.noalias() += dS.transpose() * block.q;
      dv_of_head.noalias() += block.dropped_P.transpose() * block.d_o;
    }
    dk_of_head *= scale;
    round_to(p.dtype, dk_of_head);
    round_to(p.dtype, dv_of_head);
    dk += dk_of_head;
    dv += dv_of_head;
    round_to(p.dtype, dk);
    round_to(p.dtype, dv);
  }
  result.dk.assign(dk.data(), dk.data() + dk.size());
  result.dv.assign(dv.data(), dv.data() + dv.size());
  if (rounding) *rounding = of_one.result();
  return result;
}

}  // namespace

HeadGradients<double> reference_backward(const Problem& problem, const Inputs& inputs,
                                         const KeyHead& head, GradientRounding* rounding) {
  return backward<double>(problem, inputs, head, rounding);
}

HeadGradients<float> plain_backward(const Problem& problem, const Inputs& inputs,
                                    const KeyHead& head) {
  return backward<float>(problem, inputs, head, nullptr);
}

}  // namespace flash
