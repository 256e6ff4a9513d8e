// A sample of an output, beside what it should be. Includes Eigen, so for .cpp files only.
#pragma once

#include <vector>

#include "diagnosis/diagnosis.h"
#include "diagnosis/mistakes.h"

namespace flash {

// A row tells which mistake it was if it is wrong by more than so many times what may be.
inline constexpr double telling_bounds = 2.5;

// Of the rows, in the order of RowResults: query by query, all heads of one beside each other.
struct WrongOutput {
  const Tried& tried;
  Setting setting;
  const Inputs* inputs;        // of the setting's problem: what FP8 keeps of them, or the problem's
  QuantisedProblem quantised;  // if there is a precision
  bool of_lse;                 // what is compared
  Rows rows;
  RowResults<double> actual, right;
  std::vector<RowId> ids;           // of each row
  std::vector<double> row_error;    // the largest in the row, of O or LSE
  std::vector<char> wrong;          // by the bound
  std::vector<double> magnitude{};  // of each row's right values

  // Of O or of LSE.
  WrongOutput(const Tried& from, const KernelTraits& kernel, bool lse);
  WrongOutput(const WrongOutput&) = delete;

  std::int64_t columns() const { return of_lse ? 1 : tried.problem.head_dim; }
  const std::vector<double>& of(const RowResults<double>& results) const {
    return of_lse ? results.lse : results.o;
  }
  double bound() const { return of_lse ? tried.check.lse_error_bound : tried.check.error_bound; }
  bool sees_keys(std::size_t row) const;
  bool tells() const;  // whether any row does

  // What the mistake makes of some of the rows, as the output's dtype keeps it.
  RowResults<double> with(const Mistake& mistake, const Rows& some, std::int64_t tile,
                          Sweep sweep = Sweep::row) const;

  // The largest difference of each row.
  std::vector<double> row_errors(const std::vector<double>& a, const std::vector<double>& b) const;

  // At most `count` of the rows: wrong ones, and a few that are right.
  Rows some_rows(std::size_t count) const;
};

// The elements of `results` for some of the rows.
RowResults<double> part_of(const RowResults<double>& results, const WrongOutput& output,
                           const Rows& some);

}  // namespace flash
