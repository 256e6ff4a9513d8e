// The table of instructions that the main kernels execute, as common/bench/instructions.py counted.
#include <nlohmann/json.hpp>

#include "pages/docs.h"
#include "report/text.h"

namespace flash {

using nlohmann::json;

std::string instructions_table() {
  constexpr const char* sets[] = {"AVX2", "NEON", "portable"};
  const json results = read_results("instructions");
  std::string table = "| | d |", rule = "|---|--:|";
  for (const char* set : sets) {
    table += text_of(" %s, a pair | FMAs |", set);
    rule += "--:|--:|";
  }
  table += "\n" + rule + "\n";
  for (const json& kernel : results.at("kernels")) {
    if (kernel.at("simd") != sets[0]) continue;
    const std::string name = kernel.at("name");
    table += "| " + name + " | " + kernel.at("head_dim").dump() + " |";
    for (const char* set : sets)
      for (const json& other : results.at("kernels"))
        if (other.at("simd") == set && other.at("name") == name &&
            other.at("head_dim") == kernel.at("head_dim"))
          table += text_of(" %.0f | %.2f |", other.at("per_pair").get<double>(),
                           other.at("fma_share").get<double>());
    table += "\n";
  }
  std::string programs;
  for (const json& program : results.at("programs"))
    programs += (programs.empty() ? "" : "; ") + program.get<std::string>();
  return table + "\n<sub>`common/bench/instructions.py`: " + programs +
         ". A pair is a query and a key that it may see; FMAs: the share of the instructions that "
         "would do if all were FMAs of full vectors.</sub>\n";
}

}  // namespace flash
