// The tables of a stage's steps.
#include <cctype>
#include <nlohmann/json.hpp>
#include <sstream>

#include "bench/experiments/experiment.h"
#include "pages/docs.h"
#include "report/kernel_diff.h"
#include "report/summary.h"
#include "report/units.h"

namespace flash {
namespace {

using nlohmann::json;

// Where a stage or a step lies, from the root or from the page of the stage that it leads to.
std::string file_of(const Stage& step, const Stage& stage, const char* kernel) {
  if (!step.is_step()) return std::string(step.name) + kernel;
  return std::string(stage.name) + "/steps/" +
         std::string(step.name.substr(step.name.find('/') + 1)) + ".h";
}

std::string link_of(const Stage& step, const Stage& stage, const std::string& file) {
  const std::string folder = std::string(stage.name) + "/";
  return "[" + std::string(step.name) + "](" +
         (file.starts_with(folder) ? file.substr(folder.size()) : "../" + file) + ")";
}

const json& figure_of(const Stage& step, const Stage& stage, const json& results) {
  for (const json& figure : results.at("figures"))
    if (figure.at("to") == stage.name && figure.at("name") == step.name) return figure;
  throw BadInput("docs: " + std::string(step.name) + " is not in docs/results/steps.json, " +
                 "expected every step");
}

// A stage's idea is that of all its steps; what its kernel adds to the last of them is the first
// sentence of what it says to look at.
std::string idea_of(const Stage& step, const Stage& stage, const std::string& kernel) {
  constexpr std::string_view label = "// What to look at: ";
  const std::size_t begin = kernel.find(label);
  if (&step != &stage || begin == kernel.npos) return std::string(step.idea);
  std::string sentence = kernel.substr(begin + label.size());
  sentence.resize(sentence.find('.'));
  for (std::size_t i; (i = sentence.find("\n//")) != sentence.npos;) sentence.erase(i, 3);
  sentence[0] = static_cast<char>(std::tolower(sentence[0]));
  return sentence;
}

// What the first line of a kernel's file says after its name.
std::string first_line_of(const std::string& kernel) {
  const std::size_t begin = kernel.find(": ") + 2;
  return kernel.substr(begin, kernel.find(".\n") - begin);
}

// The first fields of a row.
std::string row(const std::string& link, const std::string& idea, const std::string& before,
                const std::string& kernel, const tile::Counters& cost) {
  const std::string added = before.empty() ? "" : "+" + std::to_string(lines_added(before, kernel));
  return "| " + link + " | " + idea + " | " + added + " | " + cell(cost.hbm_read.total()) + " | " +
         cell(cost.hbm_write.total()) + " | " + cell(cost.hbm_workspace.total()) + " | ";
}

}  // namespace

std::string steps_table(const Stage& stage, const std::vector<Stage>& stages) {
  const json results = read_results("steps");
  std::string table =
      "| | the one idea | lines | HBM read | written | workspace | time | of FMA peak |\n"
      "|---|---|--:|--:|--:|--:|--:|--:|\n";
  std::string before;
  for (const Stage* step : steps_to(stage, stages)) {
    const std::string file = file_of(*step, stage, "/attention.h"), kernel = read_file(file);
    const json& figure = figure_of(*step, stage, results);
    table += row(link_of(*step, stage, file), idea_of(*step, stage, kernel), before, kernel,
                 step->cost(steps_problem(stage))) +
             cell(seconds_text(figure.at("seconds"))) + " | " +
             percent_text(figure.at("fraction_of_peak")) + " |\n";
    before = kernel;
  }
  const json& m = results.at("machine");
  return table + "\n<sub>" + problem_text(steps_problem(stage)) + ". `./ladder diff " +
         std::string(stage.name.substr(0, 2)) +
         "` shows the lines; `./ladder experiment steps`, measured on " +
         m.at("cpu").get<std::string>() + ", " + std::to_string(m.at("cores").get<int>()) +
         " cores, " + m.at("simd").get<std::string>() + ", " + m.at("date").get<std::string>() +
         ": medians; FMA peak of that run " + rate_text(results.at("fma_peak_gflops")) +
         " GFLOP/s.</sub>\n";
}

std::string backward_steps_table(const Stage& stage, const std::vector<Stage>& stages) {
  std::string table =
      "| | the one idea | lines | HBM read | written | workspace | products |\n"
      "|---|---|--:|--:|--:|--:|--:|\n";
  std::string before;
  for (const Stage* step : steps_to(stage, stages, Pass::Kind::backward)) {
    const std::string file = file_of(*step, stage, "/backward.h"), kernel = read_file(file);
    const tile::Counters cost = step->backward_cost(steps_problem(stage));
    const std::string idea = before.empty() ? first_line_of(kernel) : idea_of(*step, stage, kernel);
    table += row(link_of(*step, stage, file), idea, before, kernel, cost) +
             cell(count_text(static_cast<double>(cost.flops)) + "FLOP") + " |\n";
    before = kernel;
  }
  return table + "\n<sub>" + problem_text(steps_problem(stage)) + ". `./ladder diff " +
         std::string(stage.name.substr(0, 2)) + "/backward` shows the lines.</sub>\n";
}

}  // namespace flash
