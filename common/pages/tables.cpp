// Tables of stages, benchmarks and experiments, from committed results.
#include <algorithm>
#include <filesystem>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "cli/options.h"
#include "pages/docs.h"
#include "report/summary.h"
#include "report/units.h"

namespace flash {
namespace {

using nlohmann::json;

Problem problem_of(const json& results) {
  const json& p = results.at("problem");
  Problem problem;
  problem.batch = p.at("batch");
  problem.heads = p.at("heads");
  problem.kv_heads = p.at("kv_heads");
  problem.seqlen_q = p.at("seqlen_q");
  problem.seqlen_k = p.at("seqlen_k");
  problem.head_dim = p.at("head_dim");
  problem.causal = p.at("causal");
  return problem;
}

const json& result_of(const Stage& stage, const json& results) {
  for (const json& result : results.at("stages"))
    if (result.at("stage") == stage.name) return result;
  throw BadInput("docs: " + std::string(stage.name) + " is not in docs/results/forward.json, " +
                 "expected every stage");
}

// Where the numbers come from, in a line below a table.
std::string provenance(const json& results) {
  const Problem p = problem_of(results);
  const json& m = results.at("machine");
  std::ostringstream line;
  line << "<sub>" << p.heads << " heads, N = " << p.seqlen_q << ", d = " << p.head_dim << ", "
       << results.at("problem").at("dtype").get<std::string>() << ", no mask. Measured on "
       << m.at("cpu").get<std::string>() << ", " << m.at("threads") << " cores, "
       << m.at("simd").get<std::string>() << ", " << m.at("compiler").get<std::string>() << " "
       << m.at("flags").get<std::string>() << ", " << m.at("date").get<std::string>()
       << ": medians; FMA peak of that run " << rate_text(m.at("fma_peak_gflops"))
       << " GFLOP/s.</sub>\n";
  return line.str();
}

// Bytes by tensor and direction.
std::string traffic_rows(const tile::Counters& cost) {
  std::string names = "| HBM |", rule = "|---|", read = "| read |", written = "| written |";
  const auto add = [&](const std::string& name, std::int64_t reads, std::int64_t writes) {
    names += " " + name + " |";
    rule += "--:|";
    read += " " + cell(reads) + " |";
    written += " " + cell(writes) + " |";
  };
  for (const tile::TensorId tensor : Tensor::all) {
    if (cost.hbm_read[tensor] + cost.hbm_write[tensor] > 0)
      add(std::string(tensor.name), cost.hbm_read[tensor], cost.hbm_write[tensor]);
  }
  add("**sum**", cost.hbm_read.total(), cost.hbm_write.total());
  return names + "\n" + rule + "\n" + read + "\n" + written + "\n";
}

}  // namespace

std::string cell(std::string text) {
  const std::size_t space = text.find(' ');
  return space == std::string::npos ? text : text.replace(space, 1, "&nbsp;");
}

std::string cell(std::int64_t bytes) {
  return bytes == 0 ? " " : cell(bytes_text(static_cast<double>(bytes)));
}

std::string ladder_table(const std::vector<Stage>& stages, const json& results) {
  std::ostringstream table;
  table << "| stage | the one idea | HBM read | written | workspace | time | of FMA peak |\n"
           "|---|---|--:|--:|--:|--:|--:|\n";
  for (const Stage& stage : stages) {
    if (stage.is_step()) continue;
    const tile::Counters cost = stage.cost(problem_of(results));
    const json& result = result_of(stage, results);
    table << "| [" << stage.name << "](" << stage.name << ") | " << stage.idea << " | "
          << cell(cost.hbm_read.total()) << " | " << cell(cost.hbm_write.total()) << " | "
          << cell(cost.hbm_workspace.total()) << " | "
          << cell(seconds_text(result.at("seconds").at("median"))) << " | "
          << percent_text(result.at("fraction_of_peak")) << " |\n";
  }
  return table.str() + "\n" + provenance(results);
}

std::string cost_table(const Stage& stage, const json& results) {
  const tile::Counters cost = stage.cost(problem_of(results));
  const json& result = result_of(stage, results);
  const double traffic = static_cast<double>(cost.hbm_bytes());
  std::ostringstream below;
  const double flops = nominal_flops(problem_of(results));
  const auto& machine = results.at("machine");
  const double bytes_alone = traffic / machine.at("read_bandwidth_gbs").get<double>() * 1e-9;
  const double flops_alone = flops / machine.at("fma_peak_gflops").get<double>() * 1e-9;
  below << "\nWorkspace " << bytes_text(static_cast<double>(cost.hbm_workspace.total()))
        << ", on chip " << kib_text(static_cast<double>(cost.on_chip_peak)) << ", "
        << rate_text(flops / traffic) << " useful FLOPs a byte. "
        << seconds_text(result.at("seconds").at("median")) << ", " << rate_text(result.at("gflops"))
        << " GFLOP/s: " << percent_text(result.at("fraction_of_peak"))
        << " of the FMA peak. Alone, the bytes would take " << seconds_text(bytes_alone) << " at "
        << rate_text(machine.at("read_bandwidth_gbs")) << " GB/s, the useful FLOPs "
        << seconds_text(flops_alone) << " at the peak.\n\n";
  return traffic_rows(cost) + below.str() + provenance(results);
}

std::string backward_table(const Stage& stage) {
  const tile::Counters cost = stage.backward_cost({.seqlen_q = 4096, .seqlen_k = 4096});
  const auto flops = static_cast<double>(cost.flops);
  std::ostringstream below;
  below << "\nWorkspace " << bytes_text(static_cast<double>(cost.hbm_workspace.total()))
        << ", on chip " << kib_text(static_cast<double>(cost.on_chip_peak)) << ", "
        << count_text(flops) << "FLOP in products, "
        << rate_text(flops / static_cast<double>(cost.hbm_bytes()))
        << " FLOPs a byte.\n\n<sub>4 heads, N = 4096, d = 64, f32, no mask. `./ladder run "
           "--backward --stage "
        << stage.name.substr(0, 2) << " --heads 4 --seqlen-q 4096 --profile`</sub>\n";
  return traffic_rows(cost) + below.str();
}

std::string bench_table(const std::string& processor) {
  const std::string name = processor.empty() ? "bench" : "bench_" + processor;
  const json wide = read_results(name);
  const std::string path = "docs/results/" + name + "_avx2.json";
  const bool has_narrow = std::filesystem::exists(repository_root() / path);
  const json narrow = has_narrow ? read_results(name + "_avx2") : json{{"cases", json::array()}};
  const auto share = [](const json& c, const char* key) {
    return c.contains(key) ? percent_text(c.at(key)) : std::string();
  };
  std::string table =
                  "| | case | to | AVX-512 | goal | AVX2 | goal |\n|---|---|---|--:|--:|--:|--:|\n",
              group;
  for (const json& c : wide.at("cases")) {
    const auto same = [&](const json& other) {
      return other.at("group") == c.at("group") && other.at("name") == c.at("name");
    };
    const auto other = std::ranges::find_if(narrow.at("cases"), same);
    const bool first = group != c.at("group");
    group = c.at("group");
    table += "| " + (first ? group : "") + " | " + c.at("name").get<std::string>() + " | " +
             c.value("ratio_to", "") + " | " + share(c, "ratio") + " | " + share(c, "goal");
    table += other == narrow.at("cases").end()
                 ? " | | |\n"
                 : " | " + share(*other, "ratio") + " | " + share(*other, "goal") + " |\n";
  }
  const json& m = wide.at("machine");
  const std::string groups = processor == "backward" ? " backward" : "";
  return table + "\n<sub>`./ladder bench" + groups + "`, measured on " +
         m.at("cpu").get<std::string>() + ", " + std::to_string(wide.at("threads").get<int>()) +
         " cores, " + m.at("compiler").get<std::string>() + ", " + m.at("date").get<std::string>() +
         ": medians, of peaks and bandwidths measured in turns with the cases.</sub>\n";
}

std::string experiment_table(const std::string& name_and_rows) {
  std::istringstream words(name_and_rows);
  std::string name;
  words >> name;
  const std::set<int> chosen{std::istream_iterator<int>(words), {}};
  const json results = read_results(name);
  const json& m = results.at("machine");
  std::string text, group;
  int number = 0;
  for (const json& row : results.at("table")) {
    const bool heading = number == 0, shown = heading || chosen.empty() || chosen.contains(number);
    ++number;
    if (!row.front().get<std::string>().empty()) group = row.front();
    if (!shown) continue;
    std::string rule = "|";
    for (const json& field : row) {
      const bool first = &field == &row.front();
      text += "| " + cell(first && !chosen.empty() ? group : field.get<std::string>()) + " ";
      rule += first ? "---|" : "--:|";
    }
    text += "|\n" + (heading ? rule + "\n" : "");
  }
  // With another instruction set: NAME_avx2.
  const std::string experiment = name.substr(0, name.find("_avx2"));
  const std::string problem =
      results.contains("problem") ? results.at("problem").get<std::string>() + ". " : "";
  const std::string by = text + "\n<sub>" + problem + "`./ladder experiment " + experiment + "`, ";
  if (name.starts_with("gpu")) return by + "modelled.</sub>\n";
  return by + "measured on " + m.at("cpu").get<std::string>() + ", " +
         std::to_string(m.at("cores").get<int>()) + " cores, " + m.at("simd").get<std::string>() +
         ", " + m.at("date").get<std::string>() + ".</sub>\n";
}

std::string mistakes_table(const std::string& names) {
  std::string table = "| mistake | in words | what the checker says |\n|---|---|---|\n";
  std::istringstream words(names);
  for (std::string name; words >> name;) {
    const std::string page = read_file("docs/mistakes.md");
    const std::size_t begin = page.find("| [" + name + "]");
    if (begin == page.npos) throw BadInput("docs: '" + name + "' is not in docs/mistakes.md");
    table += page.substr(begin, page.find('\n', begin) + 1 - begin);
  }
  return table;
}

// The second paragraph of the output.
std::string run_table() {
  const std::string text = read_file("docs/results/run.txt");
  const std::size_t begin = text.find("\n\n"), end = text.find("\n\n", begin + 2);
  if (end == std::string::npos) throw BadInput("docs: run.txt, expected three paragraphs");
  return "```" + text.substr(begin + 1, end - begin) + "```\n";
}

}  // namespace flash
