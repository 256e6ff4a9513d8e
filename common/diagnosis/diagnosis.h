// Which known mistake does a wrong output look like?
#pragma once

#include <string>

#include "attention/tensors.h"
#include "check/checker.h"

namespace flash {

enum class Compared { o, lse };

// Names the mistake whose result is far closer to the output than the right one is; empty if there
// is none. Recomputes a sample of the rows with each mistake: about a second at most.
std::string diagnose(const Problem& problem, const Inputs& inputs, const Outputs& outputs,
                     Compared compared);

// Fills in what a result that failed looks like.
void diagnose(const Problem& problem, const Inputs& inputs, const Outputs& outputs,
              CheckResult& result);

}  // namespace flash
