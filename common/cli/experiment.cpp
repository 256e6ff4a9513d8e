#include "bench/experiments/experiment.h"

#include <string>

#include "cli/options.h"
#include "report/table.h"

namespace flash {
namespace {

constexpr Option known[] = {
    {"--seed", "N", "inputs of another random seed (0)"},
    {"--json", "FILE", "write the figures to FILE"},
};

std::string help() {
  std::string text =
      "usage: ladder experiment NAME [OPTIONS]\n\n"
      "A measured or a published result, made again.\n\n";
  for (const Experiment& experiment : experiments()) {
    std::string label = "  " + std::string(experiment.name);
    label.resize(22, ' ');
    text += paragraph({.width = 80}, label, std::string(experiment.shows));
  }
  return text + "\n" + options_help(known);
}

}  // namespace

int experiment_command(const Arguments& arguments, const Environment& environment) {
  if (asks_for_help(arguments)) return environment.out << help(), 0;
  const std::string name = arguments.empty() ? "" : arguments.front();
  std::string names;
  for (const Experiment& experiment : experiments()) {
    if (experiment.name == name) {
      const Options options("experiment", known, {arguments.begin() + 1, arguments.end()});
      try {
        return experiment.run(
            {.seed = options.number<std::uint64_t>("--seed", 0), .json = options.one("--json")},
            environment);
      } catch (const BadInput& error) {
        throw with_dashes(error, known);
      }
    }
    names += (names.empty() ? "" : ", ") + std::string(experiment.name);
  }
  refuse("experiment", in_quotes(name) + " is not known", "one of " + names);
}

}  // namespace flash
