#include "report/traffic.h"

#include <cmath>
#include <cstdio>

#include "attention/tensor.h"

namespace flash {
namespace {

using tile::TensorId;

// A tensor's bytes in one direction.
struct Transfer {
  TensorId tensor;
  bool is_write;
  double counted, formula;

  double ratio() const { return counted / formula; }
  // How far from right, in proportion; too much and too little alike.
  double severity() const {
    if (counted == formula) return 0;
    return counted == 0 || formula == 0 ? 1e9 : std::abs(std::log(ratio()));
  }
  std::string verb() const { return is_write ? "written" : "read"; }
  std::string name() const { return std::string(tensor.name); }
};

bool is_one_of(TensorId tensor, auto... others) {
  return ((tensor == others) || ...);
}

// The loop in which a load or store would be repeated.
std::string wrong_loop(const Transfer& t) {
  const std::string access = t.is_write ? "store" : "load";
  if (is_one_of(t.tensor, Tensor::K, Tensor::V))
    return "does its " + access +
           " stand in a loop over queries, or is it done for every query "
           "head of a group?";
  if (is_one_of(t.tensor, Tensor::K8, Tensor::V8))
    return "is it done for every query head of a group?";
  if (is_one_of(t.tensor, Tensor::Q8, Tensor::scales))
    return "is it done for every tile, where once is enough?";
  return "does its " + access + " stand in the loop over keys, or is a condition true too often?";
}

std::string number(double x) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3g", x);
  return text;
}

bool is_whole(double x) {
  return std::abs(x - std::round(x)) < 0.005 * x;
}

std::string words(const Transfer& t) {
  const std::string is = t.name() + " is ";
  if (t.counted == 0)
    return is + "never " + t.verb() + ": is a " + (t.is_write ? "store" : "load") + " missing?";
  if (t.formula == 0) return is + t.verb() + ", and need not be";
  const double ratio = t.ratio();
  if (std::abs(ratio - 1) < 0.01) return "";
  if (ratio < 1)
    return is + t.verb() + " " + number(ratio) + " times as often as it should be: is one of its " +
           (t.is_write ? "stores" : "loads") +
           " missing, or does a loop or the grid leave out tiles?";
  const std::string often =
      is + t.verb() + " " + number(ratio) + " times as often as it should be: ";
  if (ratio >= 1.9 && is_whole(ratio)) return often + wrong_loop(t);
  if (is_one_of(t.tensor, Tensor::K, Tensor::V, Tensor::K8, Tensor::V8))
    return often + "are tiles above the diagonal, or past the end, read as well?";
  return often + "does its " + (t.is_write ? "store" : "load") +
         " begin at the right row, and stand in the right loop?";
}

}  // namespace

std::string traffic_hint(const tile::Counters& counted, const tile::Counters& formula) {
  Transfer worst{Tensor::Q, false, 0, 0};
  const auto consider = [&](const tile::PerTensor& is, const tile::PerTensor& should, bool write) {
    for (const TensorId tensor : Tensor::all) {
      const Transfer t{tensor, write, static_cast<double>(is[tensor]),
                       static_cast<double>(should[tensor])};
      if (t.severity() > worst.severity() + 1e-9) worst = t;
    }
  };
  consider(counted.hbm_read, formula.hbm_read, false);
  consider(counted.hbm_write, formula.hbm_write, true);
  return worst.severity() == 0 ? "" : words(worst);
}

}  // namespace flash
