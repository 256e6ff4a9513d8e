// The table of other runtimes, as common/bench/peers.py measured them.
#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "pages/docs.h"
#include "report/units.h"

namespace flash {
namespace {

using nlohmann::json;

std::string ratio_of(const json& peer) {
  if (!peer.contains("speed_of_ours")) return "–";
  char text[32];
  std::snprintf(text, sizeof text, "%.2f", peer.at("speed_of_ours").get<double>());
  return text;
}

}  // namespace

std::string peers_table(const std::string& name) {
  const json results = read_results(name);
  std::vector<std::string> peers;
  for (const json& row : results.at("rows"))
    for (const auto& [peer, figures] : row.at("peers").items())
      if (figures.contains("speed_of_ours") &&
          std::find(peers.begin(), peers.end(), peer) == peers.end())
        peers.push_back(peer);
  std::string table = "| | stage | time |", rule = "|---|---|--:|";
  for (const std::string& peer : peers) {
    table += " faster than " + peer + " |";
    rule += "--:|";
  }
  table += "\n" + rule + "\n";
  for (const json& row : results.at("rows")) {
    const json& shape = row.at("shape");
    table += "| " + shape.at("name").get<std::string>() + " | " +
             shape.at("stage").get<std::string>() + " | " + cell(seconds_text(row.at("seconds"))) +
             " |";
    for (const std::string& peer : peers)
      table +=
          " " + (row.at("peers").contains(peer) ? ratio_of(row.at("peers").at(peer)) : "–") + " |";
    table += "\n";
  }
  std::string versions;
  for (const auto& [peer, version] : results.at("peers").items())
    if (version != "not installed")
      versions += (versions.empty() ? "" : ", ") + peer + " " +
                  (version.is_string() ? version.get<std::string>() : version.dump());
  const json& m = results.at("machine");
  const std::string isa = results.at("isa");
  return table + "\n<sub>`common/bench/peers.py`, measured on " + m.at("cpu").get<std::string>() +
         ", " + std::to_string(results.at("threads").get<int>()) + " threads, " +
         m.at("simd").get<std::string>() + ", " + m.at("compiler").get<std::string>() + ", " +
         m.at("date").get<std::string>() + "; " + versions + ", " +
         (isa == "all" ? "free to use what the processor has" : "held to " + isa) +
         ": how many times as fast as the peer the stage is, the median of rounds in "
         "turns.</sub>\n";
}

}  // namespace flash
