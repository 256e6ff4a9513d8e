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
  Matrix<Scalar> P, dP;  // [queries, keys]
  Eigen::Matrix<Scalar, Eigen::Dynamic, 1> lse;
};

// The rounding of one operation, as check/bounds.cpp has it for the forward pass.
//
// P is computed again as e^(S - LSE). Relative to P, the roundings of S and LSE are what the bound
// of LSE allows them, and 4 u for the exponential: delta = u (sqrt(d) scale |q| max|k| +
// 4 (|LSE| + 2)), u = 2^-24. A row of dP and its D = dO.O are sums of d products: they walk by
// u sqrt(d) |dO| max|v|. And D is made of an O that has been rounded to the problem's type, half a
// unit in the last place each element, which walks as well: r = |dO O| epsilon / 2 (the norm of the
// products). All of it changes dS by at most
//
//   w = delta max_j P |dP - D| + u sqrt(d) |dO| max|v| + 2 r
//
// so that dQ moves by scale w max|k|, dK by scale w max|q| and dV by delta max|dO|.
class Rounding {
 public:
  Rounding(const Problem& problem, const Matrix<double>& k, const Matrix<double>& v)
      : scale_(problem.softmax_scale()),
        root_(std::sqrt(static_cast<double>(problem.head_dim))),
        half_unit_(epsilon(problem.dtype) / 2),
        v_(v),
        largest_k_(k.size() ? k.cwiseAbs().maxCoeff() : 0),
        k_norm_(k.size() ? k.rowwise().norm().maxCoeff() : 0),
        v_norm_(v.size() ? v.rowwise().norm().maxCoeff() : 0) {}

  template <class Block, class D>
  void add(const Block& block, const D& d) {
    const Matrix<double> o = block.P * v_;
    for (Eigen::Index i = 0; i < block.q.rows(); ++i) {
      if (!std::isfinite(block.lse[i])) continue;
      const double rounded_o = half_unit_ * block.d_o.row(i).cwiseProduct(o.row(i)).norm();
      const double delta = unit_roundoff * (root_ * scale_ * block.q.row(i).norm() * k_norm_ +
                                            4 * (std::abs(block.lse[i]) + 2));
      const double largest =
          (block.P.row(i).array() * (block.dP.row(i).array() - d[i])).abs().maxCoeff();
      const double w = delta * largest + unit_roundoff * root_ * block.d_o.row(i).norm() * v_norm_ +
                       2 * rounded_o;
      dq_.add(scale_ * w * largest_k_);
      dk_.add(scale_ * w * block.q.row(i).cwiseAbs().maxCoeff());
      dv_.add(delta * block.d_o.row(i).cwiseAbs().maxCoeff());
    }
  }

  GradientRounding result() const {
    return {{dq_.max, dq_.mean()}, {dk_.max, dk_.mean()}, {dv_.max, dv_.mean()}};
  }

 private:
  const double scale_, root_, half_unit_;
  const Matrix<double>& v_;
  const double largest_k_, k_norm_, v_norm_;
  Errors dq_, dk_, dv_;
};

// P and dP of queries first, first + 1, ... of a head.
template <class Scalar>
QueryBlock<Scalar> query_block(const Problem& p, const Inputs& inputs,
                               std::int64_t batch, std::int64_t head, std::int64_t first,
                               const Matrix<Scalar>& k, const Matrix<Scalar>& v) {
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
  round_to(p.dtype, block.dP);
  return block;
}

template <class Scalar>
HeadGradients<Scalar> backward(const Problem& p, const Inputs& inputs,
                               const KeyHead& of, GradientRounding* rounding) {
  const Sequence s = p.sequence(of.batch);
  const std::int64_t d = p.head_dim, group = p.heads / p.kv_heads;
  const auto scale = static_cast<Scalar>(p.softmax_scale());
  Matrix<Scalar> k(s.k_length, d), v(s.k_length, d);
  load<Scalar>(inputs.k, p.dtype, s.k_begin, p.kv_heads, of.kv_head, k);
  load<Scalar>(inputs.v, p.dtype, s.k_begin, p.kv_heads, of.kv_head, v);
  const Matrix<double> wide_v = v.template cast<double>();
  Rounding of_one(p, k.template cast<double>(), wide_v);
  Matrix<Scalar> dk = Matrix<Scalar>::Zero(s.k_length, d), dv = dk;
  HeadGradients<Scalar> result;
  for (std::int64_t head = of.kv_head * group; head < (of.kv_head + 1) * group; ++head) {
    Matrix<Scalar> dk_of_head = Matrix<Scalar>::Zero(s.k_length, d), dv_of_head = dk_of_head;
    for (std::int64_t first = 0; first < s.q_length; first += max_block) {
      QueryBlock<Scalar> block = query_block<Scalar>(p, inputs, of.batch, head, first, k, v);
      const auto D = (block.P.array() * block.dP.array()).rowwise().sum().eval();
      if constexpr (std::is_same_v<Scalar, double>)
        if (rounding) of_one.add(block, D);
      Matrix<Scalar> dS = block.P.array() * (block.dP.array().colwise() - D);
      round_to(p.dtype, dS);
      Matrix<Scalar> dq = scale * (dS * k);
      round_to(p.dtype, dq);
      result.dq.insert(result.dq.end(), dq.data(), dq.data() + dq.size());
      dk_of_head.noalias() += dS.transpose() * block.q;
      dv_of_head.noalias() += block.P.transpose() * block.d_o;
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

HeadGradients<double> reference_backward(const Problem& problem, const Inputs& inputs, const KeyHead& head,
                                         GradientRounding* rounding) {
  return backward<double>(problem, inputs, head, rounding);
}

HeadGradients<float> plain_backward(const Problem& problem, const Inputs& inputs,
                                    const KeyHead& head) {
  return backward<float>(problem, inputs, head, nullptr);
}

}  // namespace flash
