#include "cli/experiment.h"

#include <string>

#include "cli/decode.h"
#include "cli/fp8_error.h"
#include "cli/pipeline.h"
#include "harness/table.h"

namespace flash {
namespace {

// In the order of the stages that they belong to.
constexpr Experiment experiments[] = {
    {"pipeline", "the speed of stage 04 without its parts, FlashAttention-3's Table 2",
     pipeline_experiment},
    {"fp8_error", "the error of FP16 and FP8, FlashAttention-3's Table 3", fp8_error_experiment},
    {"decode", "how fast stage 06 reads a KV cache, split and paged", decode_experiment},
};

std::string help(const Page& page) {
  std::string text =
      "usage: ladder experiment NAME [OPTIONS]\n\n"
      "A published result, made again.\n\n";
  for (const Experiment& experiment : experiments) {
    std::string label = "  " + std::string(experiment.name);
    label.resize(15, ' ');
    text += paragraph(page, label, std::string(experiment.shows));
  }
  return text +
         "\n  --seed N     inputs of another random seed; default: 0\n"
         "  --json FILE  write the figures to FILE\n";
}

}  // namespace

int experiment_command(const Arguments& arguments, const Environment& environment) {
  for (const std::string& argument : arguments)
    if (argument == "--help" || argument == "-h")
      return environment.out << help(environment.page), 0;
  const std::string name = arguments.empty() ? "" : arguments.front();
  std::string names;
  for (const Experiment& experiment : experiments) {
    if (experiment.name == name)
      return experiment.run({arguments.begin() + 1, arguments.end()}, environment);
    names += (names.empty() ? "" : ", ") + std::string(experiment.name);
  }
  throw BadInput("experiment: '" + name + "' is not known, expected one of " + names);
}

}  // namespace flash
