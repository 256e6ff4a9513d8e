// Runs conformance cases on a stage and says, on a page, what is wrong with it.
#pragma once

#include <ostream>

#include "check/conformance.h"
#include "stages/stage.h"

namespace flash {

// After three failures: run on, only to find which kinds of problem fail, or stop.
enum class AfterThree { run_on, stop };

// Runs each case once, in checked mode, and looks at its outputs and counters. Describes the first
// three failures as they come, then which kinds of problem fail and which pass; with
// ATTENTION_VERBOSE in the environment all failures. Writes nothing if all cases pass. Returns how
// many failed.
int examine(const Stage& stage, const std::vector<ConformanceCase>& cases, AfterThree after_three,
            std::ostream& out);

}  // namespace flash
