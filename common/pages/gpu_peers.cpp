// The tables of PyTorch's attention on a GPU, as common/bench/gpu_peers.py measured it.
#include "pages/gpu_peers.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "pages/docs.h"
#include "report/text.h"

namespace flash {

using nlohmann::json;

json gpu_peers() {
  return read_results("gpu_peers_h100");
}

json row_of(const json& results, const json& fields) {
  for (const json& row : results.at("rows"))
    if (std::ranges::all_of(fields.items(), [&](const auto& field) {
          return row.contains(field.key()) && row.at(field.key()) == field.value();
        }))
      return row;
  return nullptr;
}

std::string how_measured(const json& results) {
  const json& m = results.at("machine");
  return "Measured: `common/bench/gpu_peers.py`, " + m.at("gpu").get<std::string>() + ", driver " +
         m.at("driver").get<std::string>() + ", PyTorch " + m.at("pytorch").get<std::string>() +
         ", " + m.at("date").get<std::string>() + ", FP16, medians";
}

// Lengths across; backends, head dimensions and masks down.
std::string gpu_peers_table(const std::string& direction) {
  const json results = gpu_peers();
  constexpr int lengths[] = {512, 1024, 2048, 4096, 8192, 16384};
  std::string table =
      "| TFLOP/s | 512 | 1k | 2k | 4k | 8k | 16k |\n|---|--:|--:|--:|--:|--:|--:|\n";
  for (const bool causal : {false, true})
    for (const int head_dim : {64, 128, 256})
      for (const char* backend : {"math", "flash", "cudnn"}) {
        std::string line =
            text_of("| %s&nbsp;d=%d%s |", backend, head_dim, causal ? "&nbsp;causal" : "");
        bool is_measured = false;
        for (const int length : lengths) {
          const json row = row_of(results, {{"direction", direction},
                                            {"backend", backend},
                                            {"head_dim", head_dim},
                                            {"causal", causal},
                                            {"seqlen", length},
                                            {"batch", 16384 / length}});
          is_measured |= !row.is_null();
          line += row.is_null() ? " – |" : text_of(" %.0f |", row.at("tflops").get<double>());
        }
        if (is_measured) table += line + "\n";
      }
  return table + "\n<sub>16384 tokens, 2048 / d heads. " + how_measured(results) + ".</sub>\n";
}

}  // namespace flash
