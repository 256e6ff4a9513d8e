// How much of a kernel is new: the size of a step.
#pragma once

#include <string>

namespace flash {

// Lines of the kernel `to` that are not in `from`, but for white space: what `ladder diff` counts.
// Header comments and namespaces do not count.
int lines_added(const std::string& from, const std::string& to);

}  // namespace flash
