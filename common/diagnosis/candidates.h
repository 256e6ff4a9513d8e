// Which of the known mistakes explain what was tried?
#pragma once

#include <span>
#include <string>

#include "diagnosis/diagnosis.h"

namespace flash {

// The name of the mistake that does, "A, or B" of those whose results are the same, and how close
// its result is; empty if there is none, or if there are several that differ.
std::string explain(std::span<const Tried> tried, const KernelTraits& kernel);

}  // namespace flash
