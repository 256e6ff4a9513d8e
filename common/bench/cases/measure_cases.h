// Measures a group of cases in turns.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "bench/cases/case.h"
#include "bench/environment.h"
#include "bench/timing.h"
#include "bench/turns.h"
#include "check/checker.h"

namespace flash {

struct CaseResult {
  CheckResult check;
  std::string failure;  // what is wrong, of one or more lines; then there are no times
  Spread seconds;
  Outputs outputs;
};

struct GroupResult {
  Group group;
  std::vector<CaseResult> results;  // of each case
  // By threads: the bandwidth at which the largest cache of the group is read, as cold as the cases
  // read theirs and in turns with them; a median. Empty if no case has a cache, or none is cold.
  std::map<int, double> read_gbs = {};
  // By threads: the rate of FMA and of bf16 dot products on registers alone, in turns with the
  // cases; medians. A processor lowers its clock under work that also reads memory. Empty if nobody
  // asked.
  struct Ceiling {
    double fma_gflops = 0, bf16_gflops = 0;
  };
  std::map<int, Ceiling> ceilings = {};
};

struct BenchOptions {
  std::uint64_t seed = 0;
  Pace pace = {};
  bool bare = false;  // runs of the cases and nothing between them: caches stay warm
};

// Checks every case, then times those that are right. A case with a KV cache reads it cold, the
// others find in the processor's caches what their last run left. Throws BadInput for a case that
// its stage cannot run, or that does not fit in memory.
GroupResult measure_cases(const Group& group, const BenchOptions& options,
                          const std::vector<Stage>& stages);

}  // namespace flash
