// The generated parts of the documentation: between `<!-- generated: KIND NAME -->` and `<!-- end
// -->`.
#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "cli/cli.h"
#include "stages/stage.h"

namespace flash {

// Writes all pages and pictures anew; with --check compares them, and follows all links.
Command docs_command;

// A table of all stages: what each moves, and how fast it was in `results`, a file of run --json.
std::string ladder_table(const std::vector<Stage>& stages, const nlohmann::json& results);

// A table of one stage's traffic by tensor, and how fast it was.
std::string cost_table(const Stage& stage, const nlohmann::json& results);

// The same of its backward pass, which it must have, without a time.
std::string backward_table(const Stage& stage);

// A table of the steps to a stage: how many lines each adds, what it moves, and how fast it was.
std::string steps_table(const Stage& stage, const std::vector<Stage>& stages);
// The same of the steps to its backward pass, without times.
std::string backward_steps_table(const Stage& stage, const std::vector<Stage>& stages);

// The table of an experiment, from docs/results/NAME.json: "NAME", or "NAME 1 5" for two of its
// rows.
std::string experiment_table(const std::string& name);

// What the modelled GPU makes of stages: "00 01/1 03 --heads 132", with the options of a problem.
std::string model_table(const std::string& what, const std::vector<Stage>& stages);

// What the modelled GPU predicts for decoding, beside what was "published" or "measured".
std::string decoding_table(const std::string& beside, const std::vector<Stage>& stages);

// Rows of docs/mistakes.md: "02/new_sum_before_O 02/nothing_rescaled".
std::string mistakes_table(const std::string& names);

// The table that `ladder run` printed.
std::string run_table();

// The shares of `ladder bench` with one instruction set and with another, and the goals of both; of
// the processor that the files are named after, if it is not the one at hand.
std::string bench_table(const std::string& processor);

// A table of a file that common/bench/peers.py has written: docs/results/NAME.json.
std::string peers_table(const std::string& name);

// PyTorch's attention on a GPU, of docs/results/gpu_peers_h100.json: "forward" or "backward".
std::string gpu_peers_table(const std::string& direction);

// How many instructions the main kernels take, by instruction set.
std::string instructions_table();

// What was measured on two GPUs; the machine of `results`, a file of run --json.
std::string hardware_table();
std::string machine_table(const nlohmann::json& results);

// How much there is to read on a page.
struct Reading {
  int words = 0;     // of prose, outside of code and of generated parts
  int examples = 0;  // worked examples and blocks of code

  int minutes() const;
};
Reading reading_of(const std::string& page);

// A table of the chapters, or of the pages in docs/.
std::string reading_table(const std::string& which, const std::vector<Stage>& stages);

// A stage's chapter, and that of its backward pass if it has one; of a step none.
std::vector<std::string> pages_of(const Stage& stage);

// The names of the pages in docs/.
std::vector<std::string> pages_in_docs();

// The anchor that GitHub gives to a heading.
std::string heading_anchor(const std::string& heading);

// The links of a page that lead to no file, or to no heading: "page:line: link, what is wrong".
std::vector<std::string> broken_links(const std::filesystem::path& root, const std::string& page);

// Every page of a repository, wherever it lies.
std::vector<std::string> all_pages(const std::filesystem::path& root);

// Lines of a file: "PATH 2" is region [2] of a kernel that is an exercise, "PATH FIRST..LAST" those
// from the one line that holds FIRST to the one that holds LAST, with + for spaces.
std::string quoted_code(const std::string& path_and_part);

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
