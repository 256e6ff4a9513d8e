// The options of `ladder run`.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "attention/problem.h"
#include "cli/cli.h"
#include "report/report.h"

namespace flash {

struct RunOptions {
  std::vector<Stage> stages;
  std::string gpu = "h100";
  int threads = 1;
  bool checked = false, profile = false, backward = false;
  int schedules = 1;                // of the roles; more than one only in checked mode
  int runs = 0;                     // 0: as many as fit in half a second
  std::string input, output, json;  // empty: none
  bool is_default_input = false;    // nobody named it
  Problem problem;                  // validated; of --input only `causal` counts
  std::uint64_t seed = 0;
};

std::string run_help_text();

// An error of a library, in the words of the command line.
BadInput in_run_options(const BadInput& error);

// Throws BadInput. Nothing is read or written yet.
RunOptions parse_run_options(const Arguments& arguments, const std::vector<Stage>& stages);

// Checks and measures them, and writes the file of --output.
Report run_stages(const RunOptions& options, const Environment& environment);

}  // namespace flash
