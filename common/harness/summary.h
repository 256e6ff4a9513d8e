// The report of a run, for people.
#pragma once

#include <string>

#include "harness/report.h"
#include "harness/table.h"

namespace flash {

// The problem, the machine, one row for each stage, what failed, and a legend.
std::string summary_text(const Report& report, const Page& page);

// HBM traffic of each stage by tensor and direction, counted and by formula, and the work on chip.
std::string profile_text(const Report& report, const Page& page);

}  // namespace flash
