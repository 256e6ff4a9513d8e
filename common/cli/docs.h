// The generated parts of the documentation: between `<!-- generated: KIND NAME -->` and `<!-- end
// -->`.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "stages/stage.h"

namespace flash {

// A table of all stages: what each moves, and how fast it was in `results`, a file of run --json.
std::string ladder_table(const std::vector<Stage>& stages, const nlohmann::json& results);

// A table of one stage's traffic by tensor, and how fast it was.
std::string cost_table(const Stage& stage, const nlohmann::json& results);

// A table of the steps to a stage: how many lines each adds, what it moves, and how fast it was.
std::string steps_table(const Stage& stage, const std::vector<Stage>& stages);

// The table of an experiment, from docs/results/NAME.json.
std::string experiment_table(const std::string& name);

// The table that `ladder run` printed.
std::string run_table();

// The shares of `ladder bench` with one instruction set and with another, and the goals of both; of
// the processor that the files are named after, if it is not the one at hand.
std::string bench_table(const std::string& processor);

// A table of a file that common/bench/peers.py has written: docs/results/NAME.json.
std::string peers_table(const std::string& name);

// The text of a file of this repository, and the figures in docs/results/NAME.json. Both throw
// BadInput.
std::string read_file(const std::string& path);
nlohmann::json read_results(const std::string& name);

// For a table: a number and its unit stay on one line; 0 bytes are an empty cell.
std::string cell(std::string text);
std::string cell(std::int64_t bytes);

// A page of the documentation.
struct Page {
  std::string path;  // from the repository's root
  std::string text;
};

// The page's text with its generated parts made anew. Throws BadInput for a part that nobody makes,
// or that does not end.
std::string regenerate(const Page& page, const std::vector<Stage>& stages,
                       const nlohmann::json& results);

}  // namespace flash
