// Runs conformance cases on a stage and says, on a page, what is wrong with it.
#pragma once

#include <ostream>

#include "check/conformance.h"
#include "stages/stage.h"

namespace flash {

// Runs each case once, in checked mode, and looks at its outputs and counters. Describes the first
// failure and names two more as they come, then says which kinds of problem fail, which pass, and
// what the outputs look like; with ATTENTION_VERBOSE in the environment it describes all failures.
// Writes nothing if all cases pass. Returns how many failed.
int examine(const Stage& stage, const std::vector<ConformanceCase>& cases, std::ostream& out);

}  // namespace flash
