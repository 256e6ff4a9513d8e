#include "workshop/prediction.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>

#include "attention/tensors.h"

namespace flash {
namespace {

constexpr double hbm_rate = 3.35e12, l2_bytes = 50e6;
constexpr double bf16_rate = 989e12, fp8_rate = 2 * bf16_rate;
constexpr double exp_rate = 16 * 132 * 1.83e9;

// Bytes of the inputs and outputs: what has to pass at least once.
double size_of(tile::TensorId tensor, const Problem& p) {
  const auto of_q = static_cast<double>(q_elements(p) * size_in_bytes(p.dtype));
  const auto of_k =
      static_cast<double>(p.batch * p.seqlen_k * p.kv_heads * p.head_dim * size_in_bytes(p.dtype));
  for (const tile::TensorId id : {Tensor::Q, Tensor::O, Tensor::dO, Tensor::dQ})
    if (tensor == id) return of_q;
  for (const tile::TensorId id : {Tensor::K, Tensor::V, Tensor::dK, Tensor::dV})
    if (tensor == id) return of_k;
  return 0;
}

// Of all tensors. A workspace is written before it is read, so it passes twice unless it fits.
double bytes_from_hbm(const tile::Counters& cost, const Problem& problem) {
  double bytes = 0;
  for (const tile::TensorId tensor : Tensor::all) {
    const auto counted = static_cast<double>(cost.hbm_read[tensor] + cost.hbm_write[tensor]);
    const auto workspace = static_cast<double>(cost.hbm_workspace[tensor]);
    const double size = workspace > 0 ? workspace : size_of(tensor, problem);
    bytes += size > 0 && size < l2_bytes ? std::min(counted, size) : counted;
  }
  return bytes;
}

std::string text(const char* format, auto... values) {
  char line[200];
  std::snprintf(line, sizeof line, format, values...);
  return line;
}

// Three digits, and no exponent.
std::string amount(double value) {
  return text(value < 100 ? "%.3g" : "%.0f", value);
}

tile::Counters cost_of(const Stage& stage, const Problem& problem, bool backward) {
  return backward ? stage.backward_cost(problem) : stage.cost(problem);
}

}  // namespace

Problem predicted_problem(const Stage& stage) {
  if (stage.name.starts_with("06_"))
    return {.heads = 16,
            .kv_heads = 2,
            .seqlen_q = 1,
            .seqlen_k = 65536,
            .head_dim = 128,
            .dtype = DType::bf16};
  return {.heads = 4, .kv_heads = 4, .seqlen_q = 4096, .seqlen_k = 4096, .dtype = DType::bf16};
}

std::string Work::longest() const {
  if (memory >= std::max(products, exponentials)) return "memory";
  return products >= exponentials ? "products" : "exponentials";
}

bool Work::is_longest(const std::string& what) const {
  const double time = what == "memory" ? memory : what == "products" ? products : exponentials;
  return time >= 0.9 * std::max({memory, products, exponentials});
}

Work work_of(const Stage& stage, const Problem& problem, bool backward) {
  const tile::Counters cost = cost_of(stage, problem, backward);
  const bool in_fp8 = stage.fp8.has_value();
  return {.memory = bytes_from_hbm(cost, problem) / hbm_rate,
          .products = static_cast<double>(cost.flops) / (in_fp8 ? fp8_rate : bf16_rate),
          .exponentials = static_cast<double>(cost.exponentials) / exp_rate};
}

double parse_bytes(const std::string& text) {
  static const std::map<std::string, double> units = {
      {"", 1}, {"B", 1}, {"kB", 1e3}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}};
  char* end = nullptr;
  const double number = std::strtod(text.c_str(), &end);
  std::string unit = end;
  unit.erase(0,
             unit.find_first_not_of(' ') == unit.npos ? unit.size() : unit.find_first_not_of(' '));
  const auto known = units.find(unit);
  if (end == text.c_str() || known == units.end() || !(number > 0) || !(number < 1e15))
    throw BadInput("bytes", "'" + text + "'", "a size such as 850MB or 1.2GB");
  return number * known->second;
}

std::string compare(const Stage& stage, const Prediction& prediction, bool backward) {
  const Problem problem = predicted_problem(stage);
  const auto counted = static_cast<double>(cost_of(stage, problem, backward).hbm_bytes());
  const double factor = prediction.bytes / counted;
  const Work work = work_of(stage, problem, backward);
  return text("  bytes    you said %s MB, counted are %s MB: %s\n",
              amount(prediction.bytes / 1e6).c_str(), amount(counted / 1e6).c_str(),
              factor > 0.9 && factor < 1.1 ? "right to a tenth"
              : factor < 1                 ? text("%.2g times too few", 1 / factor).c_str()
                                           : text("%.2g times too many", factor).c_str()) +
         text("  longest  you said %s, %s. Alone on an H100:\n", prediction.limit.c_str(),
              work.longest() == prediction.limit  ? "and it is"
              : work.is_longest(prediction.limit) ? ("as good as " + work.longest()).c_str()
                                                  : ("it is " + work.longest()).c_str()) +
         text("           memory %s us, products %s us, exponentials %s us\n",
              amount(work.memory * 1e6).c_str(), amount(work.products * 1e6).c_str(),
              amount(work.exponentials * 1e6).c_str());
}

}  // namespace flash
