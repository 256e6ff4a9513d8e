// What `ladder bench` found out: the one source of its table for people and its JSON for programs.
#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "bench/cases/measure_cases.h"
#include "report/machine.h"
#include "report/table.h"

namespace flash {

struct BenchReport {
  Machine machine;
  int threads = 1;
  std::map<int, Peaks> peaks = {};  // by threads; empty if they were not to be measured
  std::vector<GroupResult> groups = {};

  // Measured once more: the best is what the machine can do, of memory the latest.
  void add_peaks(int count, const Peaks& measured);
};

// The speed of a case: nominal GFLOP/s, or GB/s of the cache that it reads. 0 without a time.
double rate(const Case& c, const CaseResult& result);

// Of a case's speed to what it is measured against; 0 where there is none.
double ratio(const GroupResult& group, std::size_t i);

// The goal for the instruction set of this program; 0: none.
double goal_of(const Case& c);

// Every case is right.
bool passed(const BenchReport& report);

// The machine and its peaks, then a table for each group, at most as wide as the terminal.
std::string header_text(const BenchReport& report, const Terminal& terminal);
std::string group_text(const BenchReport& report, const GroupResult& group,
                       const Terminal& terminal);
std::string legend_text(const Terminal& terminal);

nlohmann::ordered_json to_json(const BenchReport& report);

}  // namespace flash
