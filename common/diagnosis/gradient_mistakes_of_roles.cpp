// Mistakes of a backward pass whose block has several consumers (stage 04): each has a share of the
// tile's keys, and of dQ's columns.
#include <algorithm>

#include "diagnosis/gradient_mistakes.h"

namespace flash {
namespace {

using Terms = GradientTerms;

struct Share {
  Eigen::Index consumers, keys, columns;
};

Share share_of(const Terms& t) {
  const Eigen::Index consumers = gradient_consumers(static_cast<int>(t.key_rows));
  return {consumers, t.key_rows / consumers, padded_head_dim(t.k.cols()) / consumers};
}

// Whose key it is.
Eigen::Index consumer_of(const Share& share, Eigen::Index key) {
  return key / share.keys % share.consumers;
}

// Columns of dQ, those of the padding with it: the `from`-th share.
Matrix<double> columns_of(const Matrix<double>& dq, const Share& share, Eigen::Index from) {
  Matrix<double> part = Matrix<double>::Zero(dq.rows(), share.columns);
  const Eigen::Index first = from * share.columns;
  const Eigen::Index count = std::clamp<Eigen::Index>(dq.cols() - first, 0, share.columns);
  if (count > 0) part.leftCols(count) = dq.middleCols(first, count);
  return part;
}

void set_columns_of_dQ(Terms& t, const Share& share, Eigen::Index to, const Matrix<double>& part) {
  const Eigen::Index first = to * share.columns;
  const Eigen::Index count = std::clamp<Eigen::Index>(t.dq.cols() - first, 0, share.columns);
  if (count > 0) t.dq.middleCols(first, count) = part.leftCols(count);
}

void sum_own_keys(Terms& t) {
  const Share share = share_of(t);
  for (Eigen::Index c = 0; c < share.consumers; ++c) {
    Terms::Array own = t.dS;
    for (Eigen::Index j = 0; j < own.cols(); ++j)
      if (consumer_of(share, j) != c) own.col(j).setZero();
    set_columns_of_dQ(t, share, c, columns_of(t.scale * (own.matrix() * t.k), share, c));
  }
}

void exchange_columns(Terms& t) {
  const Share share = share_of(t);
  const Matrix<double> dq = t.dq;
  for (Eigen::Index c = 0; c < share.consumers; ++c)
    set_columns_of_dQ(t, share, c, columns_of(dq, share, share.consumers - 1 - c));
}

void add_to_first_columns(Terms& t) {
  const Share share = share_of(t);
  Matrix<double> sum = columns_of(t.dq, share, 0);
  for (Eigen::Index c = 1; c < share.consumers; ++c) sum += columns_of(t.dq, share, c);
  t.dq.setZero();
  set_columns_of_dQ(t, share, 0, sum);
}

// Of the tiles that are computed at all.
void mask_as_the_first_consumer(Terms& t) {
  if (!t.causal) return;
  const Share share = share_of(t);
  for (Eigen::Index j = 0; j < t.seen.cols(); ++j) {
    const std::int64_t sees_one =
        std::max<std::int64_t>(j / t.key_rows * t.key_rows - t.diagonal, 0);
    const Eigen::Index shift = consumer_of(share, j) * share.keys;
    for (Eigen::Index i = sees_one / t.query_rows * t.query_rows; i < t.seen.rows(); ++i)
      t.seen(i, j) = j - shift <= i + t.diagonal ? 1 : 0;
  }
}

void drop_as_the_first_consumer(Terms& t) {
  if (!t.has_dropout) return;
  const Share share = share_of(t);
  for (Eigen::Index i = 0; i < t.drop.rows(); ++i)
    for (Eigen::Index j = 0; j < t.drop.cols(); ++j)
      t.drop(i, j) = t.dropout.factor(i, j - consumer_of(share, j) * share.keys);
}

constexpr GradientMistake all[] = {
    {.name = "each consumer has only its own keys in its columns of dQ", .sums = sum_own_keys},
    {.name = "dQ has the columns of one consumer in the place of the other's",
     .sums = exchange_columns},
    {.name = "the consumers' columns of dQ are added up in those of the first",
     .sums = add_to_first_columns},
    {.name = "every consumer masks its keys as if they were the first one's",
     .seen = mask_as_the_first_consumer},
    {.name = "the mask of dropout is that of the first consumer's keys for every consumer",
     .drop = drop_as_the_first_consumer},
};

}  // namespace

std::span<const GradientMistake> gradient_mistakes_of_roles() {
  return all;
}

}  // namespace flash
