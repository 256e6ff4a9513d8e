#include "bench/experiments/experiment.h"

#include <fstream>
#include <nlohmann/json.hpp>

#include "bench/machine.h"

namespace flash {
namespace {

using Json = nlohmann::ordered_json;

Json to_json(const Facts& facts) {
  Json json;
  for (const auto& [name, value] : facts)
    std::visit([&](const auto& plain) { json[name] = plain; }, value);
  return json;
}

}  // namespace

std::span<const Experiment> experiments() {
  static constexpr Experiment all[] = {
      {"error_growth", "whether errors grow with the number of keys, up to a million",
       error_growth_experiment},
      {"cpu_tile", "what the operations on a tile cost on a core of this CPU", cpu_tile_experiment},
      {"pipeline", "the speed of stage 04 without its parts, FlashAttention-3's Table 2",
       pipeline_experiment},
      {"gpu", "what a modelled GPU makes of 03 and 04, beside published figures", gpu_experiment},
      {"gpu_backward", "what it makes of 03's backward pass, beside published figures",
       gpu_backward_experiment},
      {"fp8_error", "the error of FP16 and FP8, FlashAttention-3's Table 3", fp8_error_experiment},
      {"fp8_accumulator", "what FP8 loses with many keys where sums have 22 bits",
       fp8_accumulator_experiment},
      {"steps", "what each idea on the way from stage to stage buys", steps_experiment},
      {"decode", "how fast stage 06 reads a KV cache, split and paged", decode_experiment},
  };
  return all;
}

void write_figures(const std::string& file, const Figures& figures, const TextTable& table) {
  if (file.empty()) return;
  Json json = to_json(figures.facts);
  for (const Facts& figure : figures.figures) json["figures"].push_back(to_json(figure));
  json["machine"] = to_json(this_machine());
  json["table"] = table.cells();
  std::ofstream stream(file);
  stream << json.dump(2) << "\n" << std::flush;
  if (!stream) throw BadInput("json", "'" + file + "' cannot be written", "room for it");
}

}  // namespace flash
