// The acceptance rule: is an output right?
//
// Non-finite values come first; then the largest error against the reference in double may be twice
// that of the plain computation in the same precision, and the mean error 1.5 times, plus the
// rounding of one operation: the FlashAttention project's rule (its tests/test_flash_attn.py).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "attention/fp8.h"
#include "attention/tensors.h"
#include "check/rows.h"

namespace flash {

// The largest error that is accepted, and the largest mean.
struct Bound {
  double max = 0;
  double mean = 0;
};

// What outputs of a problem are compared with.
struct Expected {
  Rows rows;
  RowResults<double> reference;
  Bound o;
  double lse_bound = 0;
};

// What a stage may do to its operands: round them to the problem's dtype, or to FP8.
using Precision = std::optional<Fp8>;

// Computes the reference and the plain computation, of a sample of the rows where all of them would
// take more than about a second on two cores.
Expected expect(const Problem& problem, const Inputs& inputs, const Precision& precision = {});
Expected expect(const Problem& problem, const Inputs& inputs, const Rows& rows,
                const Precision& precision = {});

// An element of O, or of LSE where column is -1.
struct Place {
  std::int64_t batch = 0, head = 0, row = 0, column = -1;
  double expected = 0, actual = 0;
};

// Errors are absolute; a value that is not finite where it should be has an infinite error.
struct CheckResult {
  bool passed = false;
  bool o_passed = false;  // O alone
  double max_abs_error = 0, error_bound = 0;
  double mean_abs_error = 0, mean_error_bound = 0;
  double lse_max_abs_error = 0, lse_error_bound = 0;
  std::int64_t rows_checked = 0, rows_total = 0;  // of all sequences and heads
  std::int64_t elements_checked = 0;              // of O
  std::int64_t o_wrong = 0, lse_wrong = 0;        // elements past the bound for the largest error
  Place worst;                                    // of O if O is wrong, otherwise of LSE

  // What diagnosis/ makes of a wrong output; empty where it does not know.
  std::string looks_like;     // the name of a mistake
  std::string where, values;  // which elements are wrong, and what they are instead
};

// Throws BadInput if the outputs do not have the problem's size.
CheckResult check(const Problem& problem, const Expected& expected, const Outputs& outputs);

// A summary in one line; of a failure also the worst place, the share that is wrong and the mistake
// that it looks like.
std::string describe(const CheckResult& result);

}  // namespace flash
