// Tables of stages, benchmarks and experiments, from committed results.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>
#include <utility>

#include "cli/docs.h"
#include "cli/options.h"
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

// The rows of an experiment's table that `shown` accepts, by number; the first has the names.
std::string rows_of_experiment(const std::string& name, auto shown) {
  const json results = read_results(name);
  const json& m = results.at("machine");
  const json& rows = results.at("table");
  std::string text;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (!shown(i)) continue;
    std::string rule = "|";
    for (const json& field : rows[i]) {
      text += "| " + cell(field.get<std::string>()) + " ";
      rule += rule.size() == 1 ? "---|" : "--:|";
    }
    text += "|\n" + (i == 0 ? rule + "\n" : "");
  }
  return text + "\n<sub>`./ladder experiment " + name + "`, measured on " +
         m.at("cpu").get<std::string>() + ", " + std::to_string(m.at("cores").get<int>()) +
         " cores, " + m.at("simd").get<std::string>() + ", " + m.at("date").get<std::string>() +
         ".</sub>\n";
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

  const double traffic = static_cast<double>(cost.hbm_read.total() + cost.hbm_write.total());
  std::ostringstream below;
  below << "\nWorkspace " << bytes_text(static_cast<double>(cost.hbm_workspace.total()))
        << ", on chip " << kib_text(static_cast<double>(cost.on_chip_peak)) << ", "
        << rate_text(static_cast<double>(cost.flops) / traffic) << " FLOPs a byte. "
        << seconds_text(result.at("seconds").at("median")) << ", " << rate_text(result.at("gflops"))
        << " GFLOP/s: " << percent_text(result.at("fraction_of_peak")) << " of the FMA peak.\n\n";
  return names + "\n" + rule + "\n" + read + "\n" + written + "\n" + below.str() +
         provenance(results);
}

std::string bench_table(const std::string& processor) {
  const std::string name = processor.empty() ? "bench" : "bench_" + processor;
  const json wide = read_results(name), narrow = read_results(name + "_avx2");
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
  return table + "\n<sub>`./ladder bench`, measured on " + m.at("cpu").get<std::string>() + ", " +
         std::to_string(wide.at("threads").get<int>()) + " cores, " +
         m.at("compiler").get<std::string>() + ", " + m.at("date").get<std::string>() +
         ": medians, of peaks and bandwidths measured in turns with the cases.</sub>\n";
}

std::string experiment_table(const std::string& name) {
  return rows_of_experiment(name, [](std::size_t) { return true; });
}

// f32, bf16 and e4m3 with one split, f32 with 8 and with 128, and in pages of 1 and 256.
std::string decode_rows() {
  const json rows = read_results("decode").at("figures");
  return rows_of_experiment("decode", [&](std::size_t i) {
    if (i == 0) return true;
    const json& row = rows[i - 1];
    const bool f32 = row.at("cache") == "f32";
    const int splits = row.at("splits"), page = row.at("page_size");
    if (page > 0) return f32 && page != 16;
    return splits == 1 || (f32 && (splits == 8 || splits == 128));
  });
}

// The second paragraph of the output.
std::string run_table() {
  const std::string text = read_file("docs/results/run.txt");
  const std::size_t begin = text.find("\n\n"), end = text.find("\n\n", begin + 2);
  if (end == std::string::npos) throw BadInput("docs: run.txt, expected three paragraphs");
  return "```" + text.substr(begin + 1, end - begin) + "```\n";
}

}  // namespace flash
