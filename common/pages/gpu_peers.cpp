// The tables of PyTorch's attention on a GPU, as common/bench/gpu_peers.py measured it.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "pages/docs.h"
#include "report/text.h"
#include "report/units.h"

namespace flash {
namespace {

using nlohmann::json;

bool is_of(const json& row, const json& wanted) {
  return std::ranges::all_of(wanted.items(), [&](const auto& item) {
    return row.contains(item.key()) && row.at(item.key()) == item.value();
  });
}

// The figure of the row that has these fields; a dash if it was not measured.
std::string figure(const json& results, const json& wanted, const char* field, const char* format) {
  const json& rows = results.at("rows");
  const auto row =
      std::ranges::find_if(rows, [&](const json& candidate) { return is_of(candidate, wanted); });
  return row == rows.end() ? "–" : text_of(format, row->at(field).get<double>());
}

std::string source(const json& results) {
  const json& m = results.at("machine");
  return "<sub>`common/bench/gpu_peers.py`, measured on " + m.at("gpu").get<std::string>() +
         ", driver " + m.at("driver").get<std::string>() + ", PyTorch " +
         m.at("pytorch").get<std::string>() + ", " + m.at("date").get<std::string>() +
         ": scaled_dot_product_attention in FP16";
}

// Lengths across, backends and head dimensions down.
std::string speed_table(const json& results, const std::string& direction) {
  constexpr int lengths[] = {512, 1024, 2048, 4096, 8192, 16384};
  std::string table = "| TFLOP/s |", rule = "|---|";
  for (const int length : lengths) {
    table +=
        " " + (length < 1024 ? std::to_string(length) : std::to_string(length / 1024) + "k") + " |";
    rule += "--:|";
  }
  table += "\n" + rule + "\n";
  for (const bool causal : {false, true})
    for (const int head_dim : {64, 128, 256})
      for (const std::string backend : {"math", "flash", "cudnn"}) {
        std::string line = "| " + backend + "&nbsp;d=" + std::to_string(head_dim) +
                           (causal ? "&nbsp;causal |" : " |");
        bool any = false;
        for (const int length : lengths) {
          const std::string text = figure(results,
                                          {{"direction", direction},
                                           {"backend", backend},
                                           {"head_dim", head_dim},
                                           {"causal", causal},
                                           {"seqlen", length},
                                           {"batch", 16384 / length}},
                                          "tflops", "%.0f");
          line += " " + text + " |";
          any |= text != "–";
        }
        if (any) table += line + "\n";
      }
  return table + "\n" + source(results) + ", 16384 tokens, 2048 / d heads.</sub>\n";
}

std::string decode_table(const json& results) {
  std::string table =
      "| sequences | keys | flash | its GB/s | cudnn | its GB/s |\n|--:|--:|--:|--:|--:|--:|\n";
  for (const json& row : results.at("rows")) {
    if (row.at("direction") != "decode" || row.at("backend") != "flash") continue;
    json wanted = {
        {"direction", "decode"}, {"batch", row.at("batch")}, {"seqlen", row.at("seqlen")}};
    std::string line = "| " + row.at("batch").dump() + " | " + row.at("seqlen").dump() + " |";
    for (const char* backend : {"flash", "cudnn"}) {
      wanted["backend"] = backend;
      const auto found = std::ranges::find_if(
          results.at("rows"), [&](const json& candidate) { return is_of(candidate, wanted); });
      line += " " + cell(seconds_text(found->at("seconds").get<double>())) + " | " +
              figure(results, wanted, "key_value_gbytes_per_s", "%.0f") + " |";
    }
    table += line + "\n";
  }
  return table + "\n" + source(results) +
         ", one query a sequence, 16 heads on 2 key heads, d = 128; a call on the GPU.</sub>\n";
}

}  // namespace

std::string gpu_peers_table(const std::string& which) {
  const json results = read_results("gpu_peers_h100");
  return which == "decode" ? decode_table(results) : speed_table(results, which);
}

}  // namespace flash
