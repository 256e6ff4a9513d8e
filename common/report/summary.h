// The report of a run, for people.
#pragma once

#include <string>

#include "report/report.h"
#include "report/table.h"

namespace flash {

// "2 sequences, 6 heads (2 of K and V), 113 queries x 203 keys, head_dim 40, bf16, causal".
std::string problem_text(const Problem& problem);

// The problem, the machine, one row for each stage, what failed, and a legend.
std::string summary_text(const Report& report, const Terminal& terminal);

// HBM traffic of each stage by tensor and direction, counted and by formula, and the work on chip.
std::string profile_text(const Report& report, const Terminal& terminal);

}  // namespace flash
