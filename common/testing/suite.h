// Runs conformance cases on a stage and says, on a page, what is wrong with it.
#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "check/conformance.h"
#include "stages/stage.h"

namespace flash {

// Runs each case once, in checked mode, and looks at its outputs and counters. Says what the
// outputs look like, which kinds of problem fail and which pass, describes the first failure and
// names two more; with ATTENTION_VERBOSE in the environment it describes all failures. Writes
// nothing if all cases pass. Returns how many failed. A case that does not end is named on standard
// error.
int examine(const Stage& stage, const std::vector<ConformanceCase>& cases, std::ostream& out);

// Lines of any width, set in and broken at 80 columns, as they stand below a failure.
std::string indented(const std::string& lines);

}  // namespace flash
