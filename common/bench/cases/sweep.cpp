// Sweeps: one problem with one of its sizes changed.
#include <algorithm>
#include <array>

#include "bench/cases/case.h"

namespace flash {
namespace {

using Values = std::vector<std::int64_t>;

Values powers_of_two(std::int64_t first, std::int64_t last) {
  Values values;
  for (std::int64_t value = first; value <= last; value *= 2) values.push_back(value);
  return values;
}

void set_seqlen(Case& c, std::int64_t value) {
  c.problem.seqlen_k = value;
  if (!c.cache) c.problem.seqlen_q = value;  // a decode step has its one query
}

void set_head_dim(Case& c, std::int64_t value) {
  c.problem.head_dim = value;
}

void set_batch(Case& c, std::int64_t value) {
  c.problem.batch = value;
}

void set_threads(Case& c, std::int64_t value) {
  c.threads = static_cast<int>(value);
}

struct Axis {
  std::string name;
  Values values;
  void (*set)(Case&, std::int64_t);
};

std::array<Axis, 4> axes(const Case& base) {
  Values threads = powers_of_two(1, base.threads);
  if (threads.back() != base.threads) threads.push_back(base.threads);
  return {{{"seqlen", powers_of_two(256, base.cache ? 65536 : 8192), set_seqlen},
           {"head_dim", {32, 40, 59, 64, 80, 96, 111, 128, 160, 192, 256}, set_head_dim},
           {"batch", powers_of_two(1, 64), set_batch},
           {"threads", threads, set_threads}}};
}

}  // namespace

Group sweep(const std::string& name, const Case& base) {
  std::string known;
  for (const Axis& axis : axes(base)) {
    if (axis.name != name) {
      known += (known.empty() ? "" : ", ") + axis.name;
      continue;
    }
    Group group{name, "", {}};
    for (const std::int64_t value : axis.values) {
      Case c = base;
      axis.set(c, value);
      c.name = base.stage + " " + name + "=" + std::to_string(value);
      validate(c.problem);
      group.cases.push_back(c);
    }
    return group;
  }
  throw BadInput("sweep", "'" + name + "'", "one of " + known);
}

}  // namespace flash
