// `ladder experiment NAME`: a published or promised figure, made again by one command.
#pragma once

#include <string_view>

#include "cli/cli.h"

namespace flash {

struct Experiment {
  std::string_view name;
  std::string_view shows;  // one line
  // Is given the arguments after the name; returns the exit status.
  int (*run)(const Arguments&, const Environment&);
};

}  // namespace flash
