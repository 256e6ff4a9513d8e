#include "diagnosis/gradient_mistakes.h"

#include <algorithm>
#include <limits>
#include <numbers>

namespace flash {
namespace {

using Terms = GradientTerms;
using Heads = GradientMistake::Heads;

void scale_scores(Terms& t, double factor) {
  t.P = weights(t.S * factor, t.lse, t.seen);
}

Terms::Column row_sum(const Terms::Array& x) {
  return x.rowwise().sum();
}

// The causal mask of kernel rows `shift` further down than they are.
void move_mask(Terms& t, std::int64_t shift) {
  if (!t.causal) return;
  for (Eigen::Index i = 0; i < t.seen.rows(); ++i)
    for (Eigen::Index j = 0; j < t.seen.cols(); ++j)
      t.seen(i, j) = j <= i + t.diagonal + shift ? 1 : 0;
}

// Row i of the tile's first query: what a load from row 0 finds everywhere.
void repeat_first_tile(Terms::Column& column, std::int64_t rows) {
  for (Eigen::Index i = rows; i < column.size(); ++i) column[i] = column[i % rows];
}

void keep_key_tile(Terms& t, bool last, bool of_all) {
  const Eigen::Index tiles = tile::ceil_div(t.k.rows(), t.key_rows);
  Terms::Array kept = Terms::Array::Zero(t.dS.rows(), t.dS.cols());
  for (Eigen::Index i = 0; i < t.dS.rows(); ++i) {
    const std::int64_t last_query = (i / t.query_rows + 1) * t.query_rows - 1;
    const std::int64_t seen =
        t.causal && !of_all ? std::clamp<std::int64_t>(last_query + t.diagonal + 1, 0, t.k.rows())
                            : t.k.rows();
    if (seen == 0) continue;
    const Eigen::Index tile = last ? std::min<Eigen::Index>((seen - 1) / t.key_rows, tiles - 1) : 0;
    const Eigen::Index first = tile * t.key_rows;
    const Eigen::Index count = std::min<Eigen::Index>(t.key_rows, t.k.rows() - first);
    kept.row(i).segment(first, count) = t.dS.row(i).segment(first, count);
  }
  t.dq = t.scale * (kept.matrix() * t.k);
}

// Queries from `first` on.
void keep_queries(Terms& t, Eigen::Index first, bool of_dk, bool of_dv) {
  const Eigen::Index count = t.q.rows() - first;
  if (of_dk) t.dk = t.scale * (t.dS.bottomRows(count).matrix().transpose() * t.q.bottomRows(count));
  if (of_dv) t.dv = t.dropped_P.bottomRows(count).matrix().transpose() * t.d_o.bottomRows(count);
}

Eigen::Index last_query_tile(const Terms& t) {
  return std::max<Eigen::Index>(t.q.rows() - 1, 0) / t.query_rows * t.query_rows;
}

// Each key tile keeps what those before have added up.
void add_earlier_tiles(const Terms& t, Matrix<double>& x) {
  for (Eigen::Index i = t.key_rows; i < x.rows(); ++i) x.row(i) += x.row(i - t.key_rows);
}

// Of each key tile the first tile of queries that sees it.
void leave_out_first_query_tile(Terms& t) {
  for (Eigen::Index j = 0; j < t.P.cols(); ++j) {
    const std::int64_t sees_one =
        t.causal ? std::max<std::int64_t>(j / t.key_rows * t.key_rows - t.diagonal, 0) : 0;
    const Eigen::Index first = sees_one / t.query_rows * t.query_rows;
    const Eigen::Index count = std::min<Eigen::Index>(t.query_rows, t.P.rows() - first);
    if (count > 0) t.P.col(j).segment(first, count).setZero();
  }
}

// D is that of the keys up to the end of each tile.
void subtract_sum_so_far(Terms& t) {
  Terms::Column D = Terms::Column::Zero(t.P.rows());
  for (Eigen::Index first = 0; first < t.P.cols(); first += t.key_rows) {
    const Eigen::Index count = std::min<Eigen::Index>(t.key_rows, t.P.cols() - first);
    const Terms::Array P = t.P.middleCols(first, count), dP = t.dP.middleCols(first, count);
    D += row_sum(P * dP);
    t.dS.middleCols(first, count) = P * (dP.colwise() - D);
  }
}

// dK_j adds up dS_ji q_i, of the rows and columns that there are.
void leave_dS_as_it_is(Terms& t) {
  const Eigen::Index n = std::min(t.q.rows(), t.k.rows());
  t.dk.setZero();
  t.dk.topRows(n) = t.scale * (t.dS.topLeftCorner(n, n).matrix() * t.q.topRows(n));
}

constexpr GradientMistake all[] = {
    {.name = "D is not subtracted: dS is P dP", .dS = [](Terms& t) { t.dS = t.P * t.dP; }},
    {.name = "D is added to dP, not subtracted",
     .dS = [](Terms& t) { t.dS = t.P * (t.dP.colwise() + t.D); }},
    {.name = "dS is dP - D, not multiplied by P",
     .dS = [](Terms& t) { t.dS = t.dP.colwise() - t.D; }},
    {.name = "dS is P dP - D: D is subtracted after the product with P",
     .dS = [](Terms& t) { t.dS = (t.P * t.dP).colwise() - t.D; }},
    {.name = "D is the sum of O O, not of dO O",
     .D = [](Terms& t) { t.D = row_sum(t.o.array().square()); }},
    {.name = "D is the sum of dO dO, not of dO O",
     .D = [](Terms& t) { t.D = row_sum(t.d_o.array().square()); }},
    {.name = "D is the sum of dO Q, not of dO O",
     .D = [](Terms& t) { t.D = row_sum(t.d_o.array() * t.q.array()); }},
    {.name = "D has only the tiles of keys so far: its sum is not finished when it is used",
     .dS = subtract_sum_so_far},
    {.name = "D is the sum of dP, not of P dP", .D = [](Terms& t) { t.D = row_sum(t.dP); }},
    {.name = "D is the sum of e^(S - m) dP, not divided by l",
     .D =
         [](Terms& t) {
           const Terms::Column m = (t.seen > 0)
                                       .select(t.S, -std::numeric_limits<double>::infinity())
                                       .rowwise()
                                       .maxCoeff();
           const Terms::Column l = (t.lse - m).exp();
           t.D = l.isFinite().select(t.D * l, 0.0);
         }},
    {.name = "D is that of the first tile of queries for all of them",
     .D = [](Terms& t) { repeat_first_tile(t.D, t.query_rows); }},
    {.name = "LSE is that of the first tile of queries for all of them",
     .lse = [](Terms& t) { repeat_first_tile(t.lse, t.query_rows); }},
    {.name = "LSE is that of the first query head of a group for all of it", .first_lse = true},
    {.name = "the scale is missing in dQ and dK",
     .sums = [](Terms& t) { t.dq /= t.scale, t.dk /= t.scale; }},
    {.name = "the scale is missing in dQ", .sums = [](Terms& t) { t.dq /= t.scale; }},
    {.name = "the scale is missing in dK", .sums = [](Terms& t) { t.dk /= t.scale; }},
    {.name = "dQ and dK are multiplied by the scale twice",
     .sums = [](Terms& t) { t.dq *= t.scale, t.dk *= t.scale; }},
    {.name = "dQ is multiplied by the scale twice", .sums = [](Terms& t) { t.dq *= t.scale; }},
    {.name = "dK is multiplied by the scale twice", .sums = [](Terms& t) { t.dk *= t.scale; }},
    {.name = "P is recomputed from scores without the scale",
     .P = [](Terms& t) { scale_scores(t, 1 / t.scale); }},
    {.name = "P is recomputed from scores that are scaled twice",
     .P = [](Terms& t) { scale_scores(t, t.scale); }},
    {.name = "P is e^S: LSE is not subtracted",
     .P = [](Terms& t) { t.P = weights(t.S, 0 * t.lse, t.seen); }},
    {.name = "P is 2^(S - LSE): the base of the exponential is 2 and that of LSE e",
     .P =
         [](Terms& t) {
           t.P = weights(t.S * std::numbers::ln2, t.lse * std::numbers::ln2, t.seen);
         }},
    {.name = "LSE is taken for one in base 2",
     .P = [](Terms& t) { t.P = weights(t.S, t.lse * std::numbers::ln2, t.seen); }},
    {.name = "LSE is divided by the scale once too often or not at all",
     .P = [](Terms& t) { t.P = weights(t.S, t.lse * t.scale, t.seen); }},
    {.name = "LSE is multiplied by the scale, not divided",
     .P = [](Terms& t) { t.P = weights(t.S, t.lse * t.scale * t.scale, t.seen); }},
    {.name = "LSE is converted to base 2, and the exponential has base e",
     .P = [](Terms& t) { t.P = weights(t.S, t.lse / std::numbers::ln2, t.seen); }},
    {.name = "P is recomputed from K and V exchanged",
     .P =
         [](Terms& t) { t.P = weights(t.scale * (t.q * t.v.transpose()).array(), t.lse, t.seen); }},
    {.name = "the causal mask is not applied again", .seen = [](Terms& t) { t.seen.setOnes(); }},
    {.name = "the causal mask hides the diagonal", .seen = [](Terms& t) { move_mask(t, -1); }},
    {.name = "the causal mask shows one key too many", .seen = [](Terms& t) { move_mask(t, 1); }},
    {.name = "the causal mask is aligned top-left, not bottom-right",
     .seen = [](Terms& t) { move_mask(t, -t.diagonal); }},
    {.name = "dV is made of dS, not of P",
     .sums = [](Terms& t) { t.dv = t.scale * (t.dS.matrix().transpose() * t.d_o); }},
    {.name = "dV is made of O, not of dO",
     .sums = [](Terms& t) { t.dv = t.dropped_P.matrix().transpose() * t.o; }},
    {.name = "dV is made of Q, not of dO",
     .sums = [](Terms& t) { t.dv = t.dropped_P.matrix().transpose() * t.q; }},
    {.name = "dS is not transposed for dK", .sums = leave_dS_as_it_is},
    {.name = "dV is made of weights e^(S - m) that are not divided by l",
     .sums =
         [](Terms& t) {
           const Terms::Column m = (t.seen > 0)
                                       .select(t.S, -std::numeric_limits<double>::infinity())
                                       .rowwise()
                                       .maxCoeff();
           const Terms::Column l = (t.lse - m).exp();
           const Terms::Array P = t.P.colwise() * l.isFinite().select(l, 0.0);
           t.dv = P.matrix().transpose() * t.d_o;
         }},
    {.name = "dP is dO K^T, not dO V^T",
     .dP = [](Terms& t) { t.dP = (t.d_o * t.k.transpose()).array(); }},
    {.name = "dP is O V^T, not dO V^T",
     .dP = [](Terms& t) { t.dP = (t.o * t.v.transpose()).array(); }},
    {.name = "dP is Q V^T, not dO V^T",
     .dP = [](Terms& t) { t.dP = (t.q * t.v.transpose()).array(); }},
    {.name = "dP is O V^T, not dO V^T",
     .dP = [](Terms& t) { t.dP = (t.o * t.v.transpose()).array(); },
     .D = [](Terms& t) { t.D = row_sum(t.P * t.dP); }},
    {.name = "dP is dO K^T, not dO V^T",
     .dP = [](Terms& t) { t.dP = (t.d_o * t.k.transpose()).array(); },
     .D = [](Terms& t) { t.D = row_sum(t.P * t.dP); }},
    {.name = "dK is made of dO, not of Q",
     .sums = [](Terms& t) { t.dk = t.scale * (t.dS.matrix().transpose() * t.d_o); }},
    {.name = "dK is made of P, not of dS",
     .sums = [](Terms& t) { t.dk = t.P.matrix().transpose() * t.q; }},
    {.name = "dQ is made of V, not of K",
     .sums = [](Terms& t) { t.dq = t.scale * (t.dS.matrix() * t.v); }},
    {.name = "dQ is made of P, not of dS", .sums = [](Terms& t) { t.dq = t.P.matrix() * t.k; }},
    {.name = "dK and dV are exchanged", .sums = [](Terms& t) { std::swap(t.dk, t.dv); }},
    {.name = "dK and dV have only the last query head of a group",
     .of_dk = Heads::last,
     .of_dv = Heads::last},
    {.name = "dK has only the last query head of a group", .of_dk = Heads::last},
    {.name = "dV has only the last query head of a group", .of_dv = Heads::last},
    {.name = "dK and dV have only the first query head of a group",
     .of_dk = Heads::first,
     .of_dv = Heads::first},
    {.name = "only the first query head of a group counts",
     .of_dq = Heads::first,
     .of_dk = Heads::first,
     .of_dv = Heads::first},
    {.name = "Q is that of the first query head of a group for all of it", .first_q = true},
    {.name = "dO is that of the first query head of a group for all of it", .first_d_o = true},
    {.name = "dQ has only the last tile of keys: it is overwritten, not added to",
     .sums = [](Terms& t) { keep_key_tile(t, true, true); }},
    {.name = "dQ has only the last tile of keys: it is overwritten, not added to",
     .sums = [](Terms& t) { keep_key_tile(t, true, false); }},
    {.name = "dQ has only the first tile of keys",
     .sums = [](Terms& t) { keep_key_tile(t, false, true); }},
    {.name = "dK and dV have only the last tile of queries",
     .sums = [](Terms& t) { keep_queries(t, last_query_tile(t), true, true); }},
    {.name = "dK has only the last tile of queries",
     .sums = [](Terms& t) { keep_queries(t, last_query_tile(t), true, false); }},
    {.name = "dV has only the last tile of queries",
     .sums = [](Terms& t) { keep_queries(t, last_query_tile(t), false, true); }},
    {.name = "dK and dV keep the sums of the tiles of keys before",
     .sums = [](Terms& t) { add_earlier_tiles(t, t.dk), add_earlier_tiles(t, t.dv); }},
    {.name = "dK keeps the sums of the tiles of keys before",
     .sums = [](Terms& t) { add_earlier_tiles(t, t.dk); }},
    {.name = "dV keeps the sums of the tiles of keys before",
     .sums = [](Terms& t) { add_earlier_tiles(t, t.dv); }},
    {.name = "the first tile of queries that sees a tile of keys is left out",
     .P = leave_out_first_query_tile},
};

}  // namespace

std::span<const GradientMistake> gradient_mistakes() {
  return all;
}

}  // namespace flash
