// What `ladder bench` measures: a stage on a problem, and what its speed is compared with.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "attention/problem.h"
#include "attention/tensors.h"

namespace flash {

enum class Against : std::uint8_t {
  nothing,
  fma_peak,
  bf16_peak,
  read_bandwidth,
  other,  // the rate of another case of the group, of a cache its time for as much work
  best,   // the fastest case of the group
};

// The ratio that a case should reach on a quiet machine with two cores; 0: no promise.
struct Goal {
  double avx512 = 0, avx2 = 0;
};

// The KV cache that the keys and values are read from.
struct CacheKind {
  DType dtype = DType::f32;
  std::int64_t page_size = 0;  // 0: no block table
};

struct Case {
  std::string name;   // of few words, unique in its group
  std::string stage;  // or any unique beginning of its name
  Problem problem;
  std::optional<CacheKind> cache = {};  // only stage 06 has one
  Against against = Against::nothing;
  std::string other = {};  // its name
  Goal goal = {};
  int threads = 1;
  std::shared_ptr<const Inputs> inputs = {};  // null: generated
  bool backward = false;                      // the backward pass is measured, not the forward one
};

// Cases that take turns, so that a slow spell of the machine meets all of them.
struct Group {
  std::string name;   // as people select it
  std::string title;  // what is measured, in a line
  std::vector<Case> cases;
};

// The groups that the project has goals for, on this many threads.
std::vector<Group> goal_groups(int threads);

// The cases that `base` becomes along an axis: seqlen, head_dim, batch or threads, of which there
// are at most base.threads. Throws BadInput for any other.
Group sweep(const std::string& axis, const Case& base);

// 4 N_q N_k d for each head, or 10 of a backward pass; half of it when causal.
double nominal_flops(const Case& c);

// What a case of this stage and problem is measured against if nobody says.
Against usual_ceiling(const Case& c);

}  // namespace flash
