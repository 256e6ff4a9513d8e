#include "check/row_blocks.h"

#include <algorithm>
#include <limits>

#include "tile/cpu/parallel.h"

namespace flash {
namespace {

struct RowBlock {
  std::int64_t batch, head;
  std::int64_t first, count;  // of the rows chosen in the sequence
  std::int64_t result;        // index of the first among the results
};

// Blocks small enough that the scores of all threads together take at most 32 MB.
inline std::vector<RowBlock> row_blocks(const Problem& problem, const Rows& rows) {
  constexpr std::int64_t max_rows = 64, score_bytes = 32 << 20;
  std::vector<RowBlock> blocks;
  std::int64_t result = 0;
  for (std::int64_t b = 0; b < problem.batch; ++b) {
    const auto length = static_cast<std::int64_t>(rows.of_sequence[b].size());
    const std::int64_t row_bytes =
        std::max<std::int64_t>(1, problem.sequence(b).k_length) * sizeof(double);
    const std::int64_t step = std::clamp<std::int64_t>(
        score_bytes / tile::cpu::hardware_threads() / row_bytes, 1, max_rows);
    for (std::int64_t h = 0; h < problem.heads; ++h)
      for (std::int64_t first = 0; first < length; first += step)
        blocks.push_back({b, h, first, std::min(step, length - first), result + first});
    result += length;
  }
  return blocks;
}

// Calls f(first key, keys) for chunks of one head of k or v, widened. `row_of` is empty, or says
// which row is read for a key.
template <class Scalar, class F>
void for_each_chunk(const Problem& problem, const Buffer& buffer, std::int64_t begin,
                    std::int64_t count, std::int64_t kv_head,
                    const std::function<std::int64_t(std::int64_t)>& row_of, F&& f) {
  constexpr std::int64_t chunk_keys = 256;
  Matrix<Scalar> chunk(chunk_keys, problem.head_dim);
  for (std::int64_t j = 0; j < count; j += chunk_keys) {
    auto keys = chunk.topRows(std::min(chunk_keys, count - j));
    if (!row_of) load<Scalar>(buffer, problem.dtype, begin + j, problem.kv_heads, kv_head, keys);
    for (std::int64_t i = 0; row_of && i < keys.rows(); ++i)
      load<Scalar>(buffer, problem.dtype, begin + row_of(j + i), problem.kv_heads, kv_head,
                   keys.row(i));
    f(j, keys);
  }
}

// Replaces the scores of each row by weights: `weigh` the visible ones, 0 the others.
template <class Scalar>
std::vector<RowSum<Scalar>> weigh_rows(Matrix<Scalar>& scores, const std::vector<RowId>& ids,
                                       const std::vector<KeyRange>& visible,
                                       const Weigh<Scalar>& weigh) {
  std::vector<RowSum<Scalar>> sums(visible.size(), {1, -std::numeric_limits<Scalar>::infinity()});
  for (std::size_t r = 0; r < visible.size(); ++r) {
    const KeyRange keys = visible[r];
    auto row = scores.row(static_cast<Eigen::Index>(r));
    row.head(keys.begin).setZero();
    row.tail(scores.cols() - keys.end).setZero();
    if (keys.size() > 0) sums[r] = weigh(row.segment(keys.begin, keys.size()), ids[r]);
  }
  return sums;
}

// The row of q that a row of O takes.
template <class Scalar>
void load_query(const Problem& problem, const Operands& in, const RowId& row,
                Eigen::Ref<Matrix<Scalar>> to) {
  const RowId from = in.q_row ? in.q_row(row) : row;
  const std::int64_t token = problem.sequence(from.batch).q_begin + from.query;
  load<Scalar>(in.q, problem.dtype, token, problem.heads, from.head, to);
  if (in.score_columns < to.cols()) to.rightCols(to.cols() - in.score_columns).setZero();
}

}  // namespace

template <class Scalar>
void load(const Buffer& buffer, DType dtype, std::int64_t begin, std::int64_t heads,
          std::int64_t head, Eigen::Ref<Matrix<Scalar>> to) {
  tile::with_type(dtype, [&](auto type) {
    const auto* from = reinterpret_cast<const decltype(type)*>(buffer.data());
    for (std::int64_t r = 0; r < to.rows(); ++r) {
      const auto* row = from + ((begin + r) * heads + head) * to.cols();
      for (std::int64_t c = 0; c < to.cols(); ++c) to(r, c) = tile::to_float(row[c]);
    }
  });
}

template <class Scalar>
RowResults<Scalar> attend_rows(const Problem& problem, const Operands& in, const Rows& rows,
                               const Weigh<Scalar>& weigh) {
  const std::int64_t d = problem.head_dim, heads = problem.heads;
  RowResults<Scalar> results;
  results.o.resize(rows.count() * heads * d);
  results.lse.resize(rows.count() * heads);
  const std::vector<RowBlock> blocks = row_blocks(problem, rows);
  tile::cpu::parallel_for(
      static_cast<std::int64_t>(blocks.size()), flops(problem, rows), [&](std::int64_t index) {
        const RowBlock& block = blocks[index];
        const std::int64_t k_begin =
            problem.sequence(in.kv_batch ? in.kv_batch(block.batch) : block.batch).k_begin;
        const std::int64_t kv_head = in.kv_head(block.head);
        Matrix<Scalar> q(block.count, d);
        std::vector<RowId> ids;
        std::vector<KeyRange> visible;
        std::int64_t keys = 0;
        for (std::int64_t r = 0; r < block.count; ++r) {
          const std::int64_t query = rows.of_sequence[block.batch][block.first + r];
          ids.push_back({block.batch, block.head, query});
          load_query<Scalar>(problem, in, ids.back(), q.row(r));
          visible.push_back(in.visible(ids.back()));
          keys = std::max(keys, visible.back().end);
        }
        Matrix<Scalar> scores(block.count, keys);
        for_each_chunk<Scalar>(problem, in.k, k_begin, keys, kv_head, in.k_row,
                               [&](auto j, const auto& k) {
                                 scores.middleCols(j, k.rows()).noalias() = q * k.transpose();
                               });
        scores *= static_cast<Scalar>(in.scale);
        const auto sums = weigh_rows(scores, ids, visible, weigh);
        for (std::int64_t r = 0; in.drop && r < block.count; ++r)
          for (std::int64_t j = 0; j < keys; ++j) scores(r, j) *= in.drop(ids[r], j);
        Matrix<Scalar> o = Matrix<Scalar>::Zero(block.count, d);
        for_each_chunk<Scalar>(
            problem, in.v, k_begin, keys, kv_head, in.v_row,
            [&](auto j, const auto& v) { o.noalias() += scores.middleCols(j, v.rows()) * v; });
        for (std::int64_t r = 0; r < block.count; ++r) {
          const std::int64_t row = (block.result + r) * heads + block.head;
          for (std::int64_t c = 0; c < d; ++c) results.o[row * d + c] = o(r, c) / sums[r].divisor;
          results.lse[row] = sums[r].lse;
        }
      });
  return results;
}

template void load(const Buffer&, DType, std::int64_t, std::int64_t, std::int64_t,
                   Eigen::Ref<Matrix<float>>);
template void load(const Buffer&, DType, std::int64_t, std::int64_t, std::int64_t,
                   Eigen::Ref<Matrix<double>>);
template RowResults<float> attend_rows(const Problem&, const Operands&, const Rows&,
                                       const Weigh<float>&);
template RowResults<double> attend_rows(const Problem&, const Operands&, const Rows&,
                                        const Weigh<double>&);

}  // namespace flash
