// Runs the backward pass of a stage on conformance cases and says, on a page, what is wrong with
// it.
#pragma once

#include <ostream>

#include "check/conformance.h"
#include "stages/stage.h"

namespace flash {

// As examine() of the forward pass: each case once, in checked mode, its gradients and its
// counters.
int examine_backward(const Stage& stage, const std::vector<ConformanceCase>& cases,
                     std::ostream& out);

}  // namespace flash
