#include "cli/experiment_options.h"

#include <charconv>
#include <fstream>
#include <nlohmann/json.hpp>

#include "bench/machine.h"

namespace flash {

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

void write_figures(const std::string& file, nlohmann::ordered_json figures, const Table& table) {
  if (file.empty()) return;
  const Machine machine = this_machine();
  figures["machine"] = {{"cpu", machine.cpu},     {"cores", machine.cores},
                        {"simd", machine.simd},   {"compiler", machine.compiler},
                        {"flags", machine.flags}, {"date", machine.date}};
  figures["table"] = table.cells();
  std::ofstream stream(file);
  stream << figures.dump(2) << "\n" << std::flush;
  if (!stream) throw BadInput("--json: '" + file + "' cannot be written, expected room for it");
}

}  // namespace flash
