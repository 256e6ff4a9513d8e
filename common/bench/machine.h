// The facts about this machine.
#pragma once

#include "report/machine.h"

namespace flash {

Machine this_machine();

}  // namespace flash
