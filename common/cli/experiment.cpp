
#include "bench/experiments/experiment.h"

#include <charconv>
#include <string>

#include "cli/cli.h"
#include "report/table.h"

namespace flash {
namespace {

ExperimentOptions parse_experiment_options(const Arguments& arguments) {
  ExperimentOptions options;
  for (std::size_t i = 0; i < arguments.size(); i += 2) {
    const std::string& name = arguments[i];
    if (name != "--seed" && name != "--json")
      throw BadInput("experiment: '" + name + "', expected --seed N or --json FILE");
    if (i + 1 == arguments.size()) throw BadInput(name + ": no value, expected one");
    const std::string& value = arguments[i + 1];
    if (name == "--json") {
      options.json = value;
      continue;
    }
    const char* end = value.data() + value.size();
    const auto [stop, error] = std::from_chars(value.data(), end, options.seed);
    if (error != std::errc{} || stop != end)
      throw BadInput("--seed: '" + value + "', expected a whole number from 0 to 2^64 - 1");
  }
  return options;
}

std::string help(const Terminal& terminal) {
  std::string text =
      "usage: ladder experiment NAME [OPTIONS]\n\n"
      "A measured or a published result, made again.\n\n";
  for (const Experiment& experiment : experiments()) {
    std::string label = "  " + std::string(experiment.name);
    label.resize(15, ' ');
    text += paragraph(terminal, label, std::string(experiment.shows));
  }
  return text +
         "\n  --seed N     inputs of another random seed; default: 0\n"
         "  --json FILE  write the figures to FILE\n";
}

}  // namespace

int experiment_command(const Arguments& arguments, const Environment& environment) {
  for (const std::string& argument : arguments)
    if (argument == "--help" || argument == "-h")
      return environment.out << help(environment.terminal), 0;
  const std::string name = arguments.empty() ? "" : arguments.front();
  std::string names;
  for (const Experiment& experiment : experiments()) {
    if (experiment.name == name)
      return experiment.run(parse_experiment_options({arguments.begin() + 1, arguments.end()}),
                            environment);
    names += (names.empty() ? "" : ", ") + std::string(experiment.name);
  }
  throw BadInput("experiment: '" + name + "' is not known, expected one of " + names);
}

}  // namespace flash
