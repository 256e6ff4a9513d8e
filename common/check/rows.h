// The query rows that the reference computes, and its results for them.
#pragma once

#include <cstdint>
#include <vector>

#include "attention/problem.h"

namespace flash {

// Query rows of each sequence, ascending; every head of a listed row is meant.
struct Rows {
  std::vector<std::vector<std::int64_t>> of_sequence;

  std::int64_t count() const;
};

Rows all_rows(const Problem& problem);

// FLOPs of attention over the rows, masked scores included.
double flops(const Problem& problem, const Rows& rows);

// All rows if attention over them takes at most `budget` FLOPs. Otherwise the rows where kernels go
// wrong (the first, the last, those around multiples of 64) and as many random ones as that allows.
// The choice depends on the problem alone.
Rows sample_rows(const Problem& problem, double budget);

// o: [rows, heads, head_dim], lse: [rows, heads], in the order of Rows.
template <class Scalar>
struct RowResults {
  std::vector<Scalar> o;
  std::vector<Scalar> lse;
};

// Calls f(index, batch, query) for every row; index counts the rows of all sequences.
template <class F>
void for_each_row(const Rows& rows, F&& f) {
  std::int64_t index = 0;
  for (std::size_t b = 0; b < rows.of_sequence.size(); ++b)
    for (const std::int64_t query : rows.of_sequence[b])
      f(index++, static_cast<std::int64_t>(b), query);
}

// Where the row of q and of o begins that belongs to a query and head of a sequence.
inline std::int64_t q_offset(const Problem& p, std::int64_t batch, std::int64_t query,
                             std::int64_t head) {
  return ((p.sequence(batch).q_begin + query) * p.heads + head) * p.head_dim;
}

}  // namespace flash
