#include "diagnosis/wrong_output.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "check/errors.h"

namespace flash {
namespace {

constexpr double max_flops = 2e8;  // of the right result

const Mistake no_mistake{.name = "none"};

// As the outputs are, so that a 16-bit output of a mistake is equal to the mistake's result.
void round_to(DType dtype, std::vector<double>& values) {
  tile::with_type(dtype, [&](auto type) {
    for (double& value : values)
      value = tile::to_float(tile::from_float<decltype(type)>(static_cast<float>(value)));
  });
}

RowResults<double> gather(const Problem& p, const Outputs& outputs, const Rows& rows) {
  RowResults<double> values;
  for_each_row(rows, [&](std::int64_t, std::int64_t batch, std::int64_t query) {
    for (std::int64_t h = 0; h < p.heads; ++h) {
      values.lse.push_back(outputs.lse[p.row_offset(batch, h) + query]);
      const std::int64_t first = q_offset(p, batch, query, h);
      for (std::int64_t c = 0; c < p.head_dim; ++c)
        values.o.push_back(element(outputs.o, p.dtype, first + c));
    }
  });
  return values;
}

Setting setting_of(const Problem& problem, const KernelTraits& kernel) {
  return {problem, kernel.plan(problem.shape()), kernel.plan == decoding_plan, kernel.precision,
          problem.head_dim};
}

}  // namespace

WrongOutput::WrongOutput(const Tried& from, const KernelTraits& kernel, bool lse)
    : tried(from),
      setting(setting_of(from.problem, kernel)),
      inputs(&from.inputs),
      of_lse(lse),
      rows(sample_rows(from.problem, max_flops)),
      actual(gather(from.problem, from.outputs, rows)) {
  if (kernel.precision) {
    quantised = flash::quantised(from.problem, from.inputs, *kernel.precision);
    setting.problem = quantised.problem;
    setting.fp8 = &quantised;
    inputs = &quantised.inputs;
  }
  right = with(no_mistake, rows, setting.plan.tiles.key_rows);
  for_each_row(rows, [&](std::int64_t, std::int64_t batch, std::int64_t query) {
    for (std::int64_t h = 0; h < from.problem.heads; ++h) ids.push_back({batch, h, query});
  });
  row_error = row_errors(of(actual), of(right));
  for (std::size_t row = 0; row < ids.size(); ++row) {
    wrong.push_back(!(row_error[row] <= (sees_keys(row) ? bound() : 0)));
    double largest = 0;
    for (std::int64_t c = 0; c < columns(); ++c)
      largest = std::max(largest, std::abs(of(right)[row * columns() + c]));
    magnitude.push_back(largest);
  }
}

bool WrongOutput::sees_keys(std::size_t row) const {
  return right.lse[row] != -std::numeric_limits<double>::infinity();
}

bool WrongOutput::tells() const {
  return std::ranges::any_of(row_error,
                             [&](double error) { return !(error <= telling_bounds * bound()); });
}

RowResults<double> WrongOutput::with(const Mistake& mistake, const Rows& some, std::int64_t tile,
                                     Sweep sweep) const {
  RowResults<double> all;
  if (mistake.fp8) {
    const QuantisedProblem other =
        flash::quantised(tried.problem, tried.inputs, *setting.precision, *mistake.fp8);
    all = forward_with_mistake(setting, other.inputs, some, mistake, tile, sweep);
  } else {
    all = forward_with_mistake(setting, *inputs, some, mistake, tile, sweep);
  }
  const std::int64_t padded = setting.problem.head_dim, d = tried.problem.head_dim;
  RowResults<double> result{{}, std::move(all.lse)};
  for (std::size_t first = 0; first < all.o.size(); first += padded)
    result.o.insert(result.o.end(), &all.o[first], &all.o[first] + d);
  round_to(tried.problem.dtype, result.o);
  return result;
}

std::vector<double> WrongOutput::row_errors(const std::vector<double>& a,
                                            const std::vector<double>& b) const {
  std::vector<double> errors(a.size() / columns());
  for (std::size_t i = 0; i < errors.size() * columns(); ++i) {
    double& largest = errors[i / columns()];
    largest = std::max(largest, error(a[i], b[i]));
  }
  return errors;
}

Rows WrongOutput::some_rows(std::size_t count) const {
  std::set<std::pair<std::int64_t, std::int64_t>> chosen;
  const auto choose = [&](char is_wrong, std::size_t number) {
    std::vector<std::size_t> among;
    for (std::size_t row = 0; row < ids.size(); ++row)
      if (wrong[row] == is_wrong) among.push_back(row);
    for (std::size_t i = 0; i < std::min(number, among.size()); ++i) {
      const RowId& id = ids[among[i * among.size() / std::min(number, among.size())]];
      chosen.insert({id.batch, id.query});
    }
  };
  choose(1, count * 3 / 4);
  choose(0, count / 4);
  Rows some{std::vector<std::vector<std::int64_t>>(rows.of_sequence.size())};
  for (const auto& [batch, query] : chosen) some.of_sequence[batch].push_back(query);
  return some;
}

RowResults<double> part_of(const RowResults<double>& results, const WrongOutput& output,
                           const Rows& some) {
  RowResults<double> part;
  const std::int64_t d = output.tried.problem.head_dim;
  for (std::size_t row = 0; row < output.ids.size(); ++row) {
    const RowId& id = output.ids[row];
    const auto& chosen = some.of_sequence[id.batch];
    if (!std::ranges::binary_search(chosen, id.query)) continue;
    part.lse.push_back(results.lse[row]);
    for (std::int64_t c = 0; c < d; ++c) part.o.push_back(results.o[row * d + c]);
  }
  return part;
}

}  // namespace flash
