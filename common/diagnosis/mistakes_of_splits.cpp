// How stage 06 merges what its splits found: O_split and LSE_split of each.
#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>
#include <vector>

#include "diagnosis/splits.h"

namespace flash {
namespace {

bool has_splits(const Setting& s) {
  return s.plan.splits > 1;
}

// O is the sum of the splits' weighed by weight(split, largest LSE), over the sum of the weights.
template <double (*weight)(const Split&, double)>
RowSum<double> weighed(RowSlice<double> scores, const RowContext& c) {
  std::vector<Split> splits = splits_of(scores, c);
  double largest = -infinity, sum = 0;
  for (const Split& split : splits) largest = std::max(largest, split.lse);
  for (Split& split : splits) {
    const double w = weight(split, largest);
    split.scores *= w;
    sum += w;
  }
  return {sum == 0 ? 1 : sum, right_lse(splits)};
}

// What a split's weight multiplies: nothing, its own O, or the O of the splits before it.
enum class Weighed { nothing, split, merged };

// As online softmax: `keeps` tells whether O, and the sum, are left as they are when the maximum
// moves.
template <bool keeps_O, bool keeps_sum, Weighed weighed = Weighed::split>
RowSum<double> merged(RowSlice<double> scores, const RowContext& c) {
  std::vector<Split> splits = splits_of(scores, c);
  double largest = -infinity, sum = 0;
  for (std::size_t i = 0; i < splits.size(); ++i) {
    const double last = std::exchange(largest, std::max(largest, splits[i].lse));
    const double rescale = last == -infinity ? 0 : std::exp(last - largest);
    const double weight = splits[i].lse == -infinity ? 0 : std::exp(splits[i].lse - largest);
    for (std::size_t before = 0; before < i; ++before)
      splits[before].scores *= (keeps_O ? 1 : rescale) * (weighed == Weighed::merged ? weight : 1);
    if (weighed == Weighed::split) splits[i].scores *= weight;
    sum = sum * (keeps_sum ? 1 : rescale) + weight;
  }
  return {sum, largest + std::log(sum)};
}

// The same weighed by LSE: of a split without keys it is -inf, and 0 times that NaN.
RowSum<double> merged_by_lse(RowSlice<double> scores, const RowContext& c) {
  std::vector<Split> splits = splits_of(scores, c);
  double largest = -infinity, sum = 0;
  for (std::size_t i = 0; i < splits.size(); ++i) {
    const double last = std::exchange(largest, std::max(largest, splits[i].lse));
    const double rescale = i == 0 ? 0 : std::exp(last - largest);
    for (std::size_t j = 0; j < i; ++j) splits[j].scores *= rescale;
    splits[i].scores *= splits[i].lse;
    sum = splits[i].lse == -infinity ? std::nan("") : sum * rescale + splits[i].lse;
  }
  return {sum, largest + std::log(sum)};
}

template <bool first>
RowSum<double> one_split(RowSlice<double> scores, const RowContext& c) {
  std::vector<Split> splits = splits_of(scores, c);
  const double lse = (first ? splits.front() : splits.back()).lse;
  const auto begin = splits.begin() + (first ? 1 : 0), end = splits.end() - (first ? 0 : 1);
  for (auto split = begin; split != end; ++split) split->scores.setZero();
  return {1, lse};
}

RowSum<double> added(RowSlice<double> scores, const RowContext& c) {
  return {1, right_lse(splits_of(scores, c))};
}

double equal(const Split&, double) {
  return 1;
}
double equal_if_it_saw_a_key(const Split& s, double) {
  return s.l > 0 ? 1 : 0;
}
double by_sum(const Split& s, double) {
  return s.l;
}
double by_maximum(const Split& s, double largest) {
  return std::exp(s.m - largest);
}
double by_lse(const Split& s, double) {
  return s.l > 0 ? s.lse : 0;
}
double right_weight(const Split& s, double largest) {
  return std::exp(s.lse - largest);
}

RowSum<double> merge_not_divided(RowSlice<double> scores, const RowContext& c) {
  return {1, weighed<right_weight>(scores, c).lse};
}

// The weights are right; those of a split may be left out, or its O not be divided by its sum.
template <class Change>
RowSum<double> changed(RowSlice<double> scores, const RowContext& c, Change change) {
  std::vector<Split> splits = splits_of(scores, c);
  change(splits);
  double largest = -infinity, sum = 0;
  for (const Split& split : splits) largest = std::max(largest, split.lse);
  for (Split& split : splits) {
    if (split.lse == -infinity) continue;
    split.scores *= std::exp(split.lse - largest);
    sum += std::exp(split.lse - largest);
  }
  return {sum == 0 ? 1 : sum, largest + std::log(sum)};
}

// The weight of the first split goes to the last.
RowSum<double> mirrored(RowSlice<double> scores, const RowContext& c) {
  return changed(scores, c, [](auto& splits) {
    for (std::size_t i = 0; i < splits.size() / 2; ++i)
      std::swap(splits[i].lse, splits[splits.size() - 1 - i].lse);
    for (Split& split : splits)
      if (split.lse == -infinity) split.scores.setZero();
  });
}

// Their maximum, or all of it, is in base 2, and is merged as if it were not.
template <bool with_sum>
RowSum<double> in_base_2(RowSlice<double> scores, const RowContext& c) {
  return changed(scores, c, [](auto& splits) {
    for (Split& split : splits)
      if (split.l > 0)
        split.lse = split.m * std::numbers::log2e +
                    std::log(split.l) * (with_sum ? std::numbers::log2e : 1);
  });
}

template <bool first>
RowSum<double> one_missing(RowSlice<double> scores, const RowContext& c) {
  return changed(scores, c, [](auto& splits) {
    Split& split = first ? splits.front() : splits.back();
    split.scores.setZero();
    split.lse = -infinity;
  });
}

RowSum<double> not_divided(RowSlice<double> scores, const RowContext& c) {
  return changed(scores, c, [](auto& splits) {
    for (Split& split : splits) split.scores *= split.l;
  });
}

const Mistake table[] = {
    {.name = "the splits are averaged, not weighed by exp(LSE)",
     .applies = has_splits,
     .weigh = weighed<equal>},
    {.name = "the splits are averaged, not weighed by exp(LSE)",
     .applies = has_splits,
     .weigh = weighed<equal_if_it_saw_a_key>},
    {.name = "the splits are added, not weighed by exp(LSE)",
     .applies = has_splits,
     .weigh = added},
    {.name = "the splits are weighed by their row sum, without the maximum",
     .applies = has_splits,
     .weigh = weighed<by_sum>},
    {.name = "the splits are weighed by exp of their maximum, without the row sum",
     .applies = has_splits,
     .weigh = weighed<by_maximum>},
    {.name = "the splits are weighed by LSE, not by exp(LSE)",
     .applies = has_splits,
     .weigh = weighed<by_lse>},
    {.name = "the splits are weighed by LSE, not by exp(LSE)",
     .applies = has_splits,
     .weigh = merged_by_lse},
    {.name = "a split is weighed by the LSE of another split: their order is reversed",
     .applies = has_splits,
     .weigh = mirrored},
    {.name = "the LSE of the splits is in base 2, and merged as a natural logarithm",
     .applies = has_splits,
     .weigh = in_base_2<true>},
    {.name = "the LSE of the splits is in base 2, and merged as a natural logarithm",
     .applies = has_splits,
     .weigh = in_base_2<false>},
    {.name = "the merged O is not divided by the sum of the splits' weights",
     .applies = has_splits,
     .weigh = merge_not_divided},
    {.name = "the merged O is not rescaled when the maximum of LSE moves",
     .applies = has_splits,
     .weigh = merged<true, false>},
    {.name = "the sum of the splits' weights is not rescaled when the maximum moves",
     .applies = has_splits,
     .weigh = merged<false, true>},
    {.name = "neither merged O nor sum is rescaled when the maximum of LSE moves",
     .applies = has_splits,
     .weigh = merged<true, true>},
    {.name = "the splits are added, not weighed by exp(LSE)",  // and then divided
     .applies = has_splits,
     .weigh = merged<false, false, Weighed::nothing>},
    {.name =
         "the merged O is multiplied by the weight of the next split, and that split's O is not",
     .applies = has_splits,
     .weigh = merged<false, false, Weighed::merged>},
    {.name = "O is not divided by the row sum",  // of its split
     .applies = has_splits,
     .weigh = not_divided},
    {.name = "the first split is missing", .applies = has_splits, .weigh = one_missing<true>},
    {.name = "only the first split counts", .applies = has_splits, .weigh = one_split<true>},
    {.name = "only the last split counts", .applies = has_splits, .weigh = one_split<false>},
    {.name = "the last split is missing", .applies = has_splits, .weigh = one_missing<false>},
};

}  // namespace

std::span<const Mistake> mistakes_of_splits() {
  return table;
}

}  // namespace flash
