#include "report/summary.h"

#include <algorithm>

#include "check/edge_cases.h"
#include "report/units.h"

namespace flash {
namespace {

std::string counted(std::int64_t count, const std::string& one, const std::string& many) {
  return std::to_string(count) + " " + (count == 1 ? one : many);
}

std::string heads_text(const Problem& p) {
  const std::string heads = counted(p.heads, "head", "heads");
  if (p.kv_heads == p.heads) return heads;
  return heads + " (" + std::to_string(p.kv_heads) + " of K and V)";
}

std::string machine_line(const Report& report) {
  return report.machine.cpu + ", " + std::to_string(report.threads) + " of " +
         std::to_string(report.machine.cores) + " cores, " + report.machine.simd +
         "; on-chip memory of an " + report.gpu;
}

std::string peaks_line(const Report& report) {
  return rate_text(report.peaks.fma_gflops) + " GFLOP/s of fp32 FMA, " +
         rate_text(report.peaks.read_gbs) + " GB/s read, measured in this run";
}

Tone error_tone(double error, double bound) {
  return !(error <= bound) ? Tone::bad : Tone::plain;
}

// The gradient that comes nearest to what is accepted.
struct Nearest {
  const char* name = "O";
  double error = 0, bound = 0;
};

Nearest nearest(const StageReport& s) {
  if (!s.gradients) return {"O", s.check.max_abs_error, s.check.error_bound};
  Nearest worst{"dQ", s.gradients->dq.max, s.gradients->dq.bound.max};
  const auto compare = [&](const char* name, const GradientErrors& other) {
    if (!(other.max * worst.bound <= worst.error * other.bound.max))
      worst = {name, other.max, other.bound.max};
  };
  compare("dK", s.gradients->dk);
  compare("dV", s.gradients->dv);
  return worst;
}

std::vector<Cell> row(const Report& report, const StageReport& s) {
  const Cell verdict = s.passed ? Cell{"pass", Tone::good} : Cell{"FAIL", Tone::bad};
  if (s.seconds.runs == 0) {  // stopped: by a TileError, or on a small problem
    std::vector<Cell> cells(report.backward ? 12 : 11, Cell{"-", Tone::faint});
    cells[0] = {s.stage};
    cells[1] = verdict;
    return cells;
  }
  const Nearest worst = nearest(s);
  std::vector<Cell> cells = {{s.stage},
                             verdict,
                             {error_text(worst.error), error_tone(worst.error, worst.bound)},
                             {error_text(worst.bound)},
                             {seconds_text(s.seconds.median)},
                             {rate_text(gflops(report, s))},
                             {percent_text(fraction_of_peak(report, s))},
                             {bytes_text(static_cast<double>(s.counters.hbm_read.total()))},
                             {bytes_text(static_cast<double>(s.counters.hbm_write.total()))},
                             {bytes_text(static_cast<double>(s.counters.hbm_workspace.total()))},
                             {kib_text(static_cast<double>(s.counters.on_chip_peak))}};
  if (report.backward) cells.insert(cells.begin() + 2, Cell{worst.name});
  return cells;
}

TextTable stage_table(const Report& report) {
  std::vector<Column> columns = {{"stage", true},  {""},
                                 {"max\nerror"},   {"\nbound"},
                                 {"median\ntime"}, {"\nGFLOP/s"},
                                 {"\nshare"},      {"HBM\nread", false, true},
                                 {"HBM\nwritten"}, {"work-\nspace"},
                                 {"on chip\npeak"}};
  if (report.backward) columns.insert(columns.begin() + 2, Column{""});
  TextTable table(std::move(columns));
  for (const StageReport& stage : report.stages) table.add_row(row(report, stage));
  return table;
}

std::string schedules_line(const Report& report, const Terminal& terminal) {
  const auto passed = [](const StageReport& stage) { return stage.passed; };
  if (report.schedules == 1 || !std::all_of(report.stages.begin(), report.stages.end(), passed))
    return "";
  return paragraph(terminal, "checked  ",
                   std::to_string(report.schedules) +
                       " schedules of the roles, without a hazard and with the same bits");
}

std::string precheck_line(const Report& report, const Terminal& terminal) {
  return paragraph(terminal, "before   ",
                   "each stage was first checked on " +
                       std::to_string(edge_cases(report.problem.head_dim).size()) +
                       " small problems, in checked mode: " + std::string(edge_cases_in_words));
}

std::string legend(const Report& report, const Terminal& terminal) {
  const std::string product =
      std::to_string((report.backward ? 10 : 4) / (report.problem.causal ? 2 : 1));
  const std::string flops =
      product + " N_q N_k d for each head" + (report.problem.causal ? " (causal)" : "");
  return precheck_line(report, terminal) +
         paragraph(terminal, "error    ",
                   report.backward ? "of the gradient that comes nearest to its bound, against "
                                     "the reference in double; bound: what is accepted"
                                   : "largest of O against the reference in double; bound: what "
                                     "is accepted") +
         paragraph(terminal, "GFLOP/s  ",
                   flops + ", whatever is executed; share: of the FMA peak") +
         paragraph(terminal, "HBM      ",
                   "bytes moved, counted and checked against the formula; MB = 10^6 bytes") +
         schedules_line(report, terminal) +
         (report.checked ? paragraph(terminal, "time     ", "checked mode is on: it is of no use")
                         : "");
}

std::string header(const Report& report, const Terminal& terminal) {
  return paragraph(terminal, "problem  ", problem_text(report.problem)) +
         paragraph(terminal, "inputs   ", report.source) +
         paragraph(terminal, "machine  ", machine_line(report)) +
         paragraph(terminal, "peaks    ", peaks_line(report));
}

std::string dropout_text(double probability) {
  char text[40];
  std::snprintf(text, sizeof text, ", dropout %g", probability);
  return probability > 0 ? text : "";
}

}  // namespace

std::string problem_text(const Problem& p) {
  const std::string queries = counted(p.packed() ? p.total_q() : p.seqlen_q, "query", "queries");
  const std::string keys = counted(p.packed() ? p.total_k() : p.seqlen_k, "key", "keys");
  return counted(p.batch, "sequence", "sequences") + ", " + heads_text(p) + ", " + queries +
         (p.packed() ? " and " + keys + ", packed" : " x " + keys) + ", head_dim " +
         std::to_string(p.head_dim) + ", " + std::string(tile::name(p.dtype)) +
         (p.causal ? ", causal" : "") + dropout_text(p.dropout);
}

std::string summary_text(const Report& report, const Terminal& terminal) {
  std::string text = header(report, terminal) + "\n" + stage_table(report).text(terminal) + "\n";
  for (const StageReport& stage : report.stages)
    if (!stage.passed)
      text += painted(terminal, Tone::bad, stage.stage) + ": " + stage.failure + "\n\n";
  return text + legend(report, terminal);
}

}  // namespace flash
