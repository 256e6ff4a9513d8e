#include <algorithm>
#include <cmath>
#include <limits>

#include "diagnosis/gradient_mistakes.h"

namespace flash {
namespace {

using Terms = GradientTerms;

void change(GradientMistake::Change by, Terms& terms) {
  if (by) by(terms);
}

// Of one query head, as far as P; K and V are there.
void begin(const Problem& p, const Inputs& inputs, const KeyHead& of, std::int64_t head, Terms& t) {
  const Sequence s = p.sequence(of.batch);
  t.q.resize(s.q_length, p.head_dim);
  t.d_o.resize(s.q_length, p.head_dim);
  load<double>(inputs.q, p.dtype, s.q_begin, p.heads, head, t.q);
  load<double>(inputs.d_o, p.dtype, s.q_begin, p.heads, head, t.d_o);
  t.S = t.scale * (t.q * t.k.transpose()).array();
  t.seen.resize(s.q_length, s.k_length);
  t.lse.resize(s.q_length);
  for (Eigen::Index i = 0; i < t.S.rows(); ++i) {
    const std::int64_t seen = visible_keys(p, s, i).end;
    t.seen.row(i).head(seen).setOnes();
    t.seen.row(i).tail(s.k_length - seen).setZero();
    const auto row = t.S.row(i).head(seen);
    const double row_max = seen ? row.maxCoeff() : 0;
    t.lse[i] = seen ? row_max + std::log((row - row_max).exp().sum())
                    : -std::numeric_limits<double>::infinity();
  }
  t.drop.setOnes(s.q_length, s.k_length);
  t.dropout = p.dropout_of(of.batch, head);
  for (Eigen::Index i = 0; p.dropout > 0 && i < t.drop.rows(); ++i)
    for (Eigen::Index j = 0; j < t.drop.cols(); ++j) t.drop(i, j) = t.dropout.factor(i, j);
  t.o = (weights(t.S, t.lse, t.seen) * t.drop).matrix() * t.v;
}

}  // namespace

GradientTerms::Array weights(const GradientTerms::Array& S, const GradientTerms::Column& lse,
                             const GradientTerms::Array& seen) {
  constexpr double overflow = 88.72;  // of e^x in fp32
  const Terms::Array x = S.colwise() - lse.isFinite().select(lse, 0.0).eval();
  const Terms::Array P = (x > overflow).select(std::numeric_limits<double>::infinity(), x.exp());
  return (seen > 0).select(P, 0.0);
}

MistakenGradients backward_with_mistake(const Problem& p, const Inputs& inputs, const KeyHead& of,
                                        const TileShape& tiles, const GradientMistake& mistake) {
  const Sequence s = p.sequence(of.batch);
  const std::int64_t group = p.heads / p.kv_heads, first = of.kv_head * group;
  Terms t{.scale = p.softmax_scale(),
          .diagonal = s.k_length - s.q_length,
          .query_rows = tiles.query_rows,
          .key_rows = tiles.key_rows,
          .causal = p.causal,
          .has_dropout = p.dropout > 0};
  t.k.resize(s.k_length, p.head_dim);
  t.v.resize(s.k_length, p.head_dim);
  load<double>(inputs.k, p.dtype, s.k_begin, p.kv_heads, of.kv_head, t.k);
  load<double>(inputs.v, p.dtype, s.k_begin, p.kv_heads, of.kv_head, t.v);
  Matrix<double> dk = Matrix<double>::Zero(s.k_length, p.head_dim), dv = dk;
  MistakenGradients result;
  Terms first_terms = t;
  for (std::int64_t head = first; head < first + group; ++head) {
    begin(p, inputs, of, head, t);
    t.D = (t.d_o.array() * t.o.array()).rowwise().sum();
    if (head == first) first_terms = t;
    if (mistake.first_lse) t.lse = first_terms.lse;
    if (mistake.first_d_o) t.d_o = first_terms.d_o;
    if (mistake.first_drop) t.drop = first_terms.drop;
    if (mistake.first_q) t.q = first_terms.q, t.S = first_terms.S;
    change(mistake.lse, t);
    change(mistake.seen, t);
    t.P = weights(t.S, t.lse, t.seen);
    change(mistake.P, t);
    if (t.P.size() > 0) result.largest_weight = std::max(result.largest_weight, t.P.maxCoeff());
    change(mistake.drop, t);
    t.dropped_P = t.P * t.drop;
    change(mistake.dropped_P, t);
    t.dP = (t.d_o * t.v.transpose()).array() * t.drop;
    change(mistake.dP, t);
    change(mistake.D, t);
    t.dS = t.P * (t.dP.colwise() - t.D);
    change(mistake.dS, t);
    t.dq = t.scale * (t.dS.matrix() * t.k);
    t.dk = t.scale * (t.dS.matrix().transpose() * t.q);
    t.dv = t.dropped_P.matrix().transpose() * t.d_o;
    change(mistake.sums, t);
    using Heads = GradientMistake::Heads;
    const auto counts = [&](Heads heads) {
      return heads == Heads::all || head == (heads == Heads::first ? first : first + group - 1);
    };
    if (!counts(mistake.of_dq)) t.dq.setZero();
    result.dq.insert(result.dq.end(), t.dq.data(), t.dq.data() + t.dq.size());
    if (counts(mistake.of_dk)) dk += t.dk;
    if (counts(mistake.of_dv)) dv += t.dv;
  }
  result.dk.assign(dk.data(), dk.data() + dk.size());
  result.dv.assign(dv.data(), dv.data() + dv.size());
  return result;
}

}  // namespace flash
