#include "diagnosis/diagnosis.h"

#include <algorithm>
#include <cmath>

#include "diagnosis/candidates.h"
#include "diagnosis/where.h"
#include "diagnosis/wrong_output.h"

namespace flash {
namespace {

// Which rows of O are wrong, by what is special about them.
struct WrongRows {
  std::int64_t empty = 0;  // see no key
  std::int64_t large = 0;  // scores that overflow or underflow exp in fp32
  std::int64_t other = 0;
  std::int64_t right_other = 0;
  bool finite = true;

  explicit WrongRows(const WrongOutput& output) {
    constexpr double exp_range = 80;
    for (std::size_t row = 0; row < output.ids.size(); ++row) {
      const bool wrong = output.wrong[row] != 0;
      finite &= std::isfinite(output.row_error[row]);
      if (!output.sees_keys(row))
        empty += wrong;
      else if (std::abs(output.right.lse[row]) > exp_range)
        large += wrong;
      else
        ++(wrong ? other : right_other);
    }
  }

  bool only_empty() const { return empty > 0 && large + other == 0; }
  bool only_large() const { return large > 0 && other == 0 && (right_other > 0 || !finite); }
};

bool fails(const Tried& tried, bool of_lse) {
  return of_lse ? !tried.check.passed : !tried.check.o_passed;
}

constexpr char never_written[] = "never written", nothing_is_written[] = "nothing is written";

// All that is written into an output that is wrong everywhere.
std::string one_value(const std::string& where, const std::string& values) {
  if (where != "everywhere") return "";
  if (values == never_written) return nothing_is_written;
  if (values == "NaN, computed") return "every element is NaN";
  const bool is_number = !values.empty() && values.find(' ') == values.npos;
  return is_number ? "every element is " + values : "";
}

}  // namespace

Findings diagnose(std::span<const Tried> tried, const KernelTraits& kernel) {
  const bool of_lse = std::ranges::all_of(tried, [](const Tried& t) { return t.check.o_passed; });
  const auto wrong = std::ranges::find_if(tried, [&](const Tried& t) { return fails(t, of_lse); });
  if (wrong == tried.end()) return {};
  const WrongOutput first(*wrong, kernel, of_lse);
  Findings findings{"", where_wrong(first), wrong_values(first)};
  const std::string tensor = of_lse ? "LSE: " : "O: ";
  const std::string one = one_value(findings.where, findings.values);
  // Where another problem is right, there may be a reason for it.
  const bool is_all = std::ranges::none_of(tried, [](const Tried& t) {
    return t.check.o_passed && t.problem.total_q() > 0 && t.problem.total_k() > 0;
  });
  if (is_all || one == nothing_is_written) findings.looks_like = one;
  const WrongRows rows(first);
  if (findings.looks_like.empty() && rows.only_empty())
    findings.looks_like =
        "rows that see no key are " + (findings.values == never_written ? findings.values
                                       : of_lse                         ? "not set to -inf"
                                                                        : "not set to 0");
  if (findings.looks_like.empty()) findings.looks_like = explain(tried, kernel);
  const auto is_large = [&](const Tried& t) {
    return t.check.passed || WrongRows(WrongOutput(t, kernel, t.check.o_passed)).only_large();
  };
  if (findings.looks_like.empty() && rows.only_large() && std::ranges::all_of(tried, is_large))
    findings.looks_like =
        "exp overflows or underflows: the row maximum is not subtracted, or not the row's";
  if (findings.looks_like.empty()) findings.looks_like = one;
  if (!findings.where.empty()) findings.where = tensor + findings.where;
  return findings;
}

void set_findings(CheckResult& result, const Findings& findings) {
  result.looks_like = findings.looks_like;
  result.where = findings.where;
  result.values = findings.values;
}

void diagnose(const Problem& problem, const Inputs& inputs, const Outputs& outputs,
              CheckResult& result, const KernelTraits& kernel) {
  if (result.passed) return;
  const Tried tried{problem, inputs, outputs, result};
  set_findings(result, diagnose({&tried, 1}, kernel));
}

}  // namespace flash
