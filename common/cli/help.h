// What `ladder --help` and `ladder --version` say; at most 80 columns wide.
#pragma once

#include <string>

namespace flash {

std::string help_text();
std::string version_text();

}  // namespace flash
