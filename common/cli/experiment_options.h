// The options that every experiment has.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "cli/cli.h"

namespace flash {

struct ExperimentOptions {
  std::uint64_t seed = 0;
  std::string json;  // file for the figures; empty: none
};

// [--seed N] [--json FILE]. Throws BadInput.
ExperimentOptions parse_experiment_options(const Arguments& arguments);

// Writes the figures of an experiment, the machine that they were measured on, and the table that
// was printed, for the docs. Throws BadInput if the file cannot be written. Does nothing if `file`
// is empty.
void write_figures(const std::string& file, nlohmann::ordered_json figures, const Table& table);

}  // namespace flash
