// The options of `ladder bench`.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bench/cases/measure_cases.h"
#include "cli/cli.h"

namespace flash {

struct BenchRequest {
  std::vector<Group> groups = {};
  BenchOptions how = {};
  int threads = 1;
  std::string output = {}, json = {};  // files; empty: none
};

std::string bench_help_text();

// An error of a library, in the words of the command line.
BadInput in_bench_options(const BadInput& error);

// Throws BadInput. Nothing is read or written yet but the file of --input.
BenchRequest parse_bench_request(const Arguments& arguments, const std::vector<Stage>& stages);

}  // namespace flash
