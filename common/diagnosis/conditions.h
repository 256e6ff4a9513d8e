// What sets the problems that a kernel fails apart from those that it passes?
#pragma once

#include <span>
#include <string>

#include "attention/plan.h"

namespace flash {

struct Outcome {
  const Problem* problem;
  bool passed;
};

// "with more than one tile of 64 keys": what all that fail have, and none that pass, or few: then
// "not always" is added. Empty if nothing simple tells them apart.
std::string failing_condition(std::span<const Outcome> outcomes, Plan (*plan)(const Shape&));

}  // namespace flash
