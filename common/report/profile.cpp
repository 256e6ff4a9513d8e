#include "attention/tensor.h"
#include "report/summary.h"
#include "report/units.h"

namespace flash {
namespace {

using tile::Counters;
using tile::PerTensor;

// "1,234,567"
std::string grouped(std::int64_t number) {
  std::string digits = std::to_string(number);
  for (int i = static_cast<int>(digits.size()) - 3; i > 0; i -= 3) digits.insert(i, ",");
  return digits;
}

double ratio(double a, double b) {
  return b > 0 ? a / b : 0;
}

Cell equality(std::int64_t counted, std::int64_t formula) {
  return counted == formula ? Cell{"=", Tone::good} : Cell{"!=", Tone::bad};
}

std::string bar(double share) {
  constexpr double longest = 20;
  return std::string(static_cast<std::size_t>(share * longest + 0.5), '#');
}

void add_rows(TextTable& table, const char* direction, const PerTensor& counted,
              const PerTensor& formula, std::int64_t whole) {
  for (const tile::TensorId tensor : Tensor::all) {
    const std::int64_t c = counted[tensor], f = formula[tensor];
    if (c == 0 && f == 0) continue;
    const double share = ratio(static_cast<double>(c), static_cast<double>(whole));
    table.add_row({{std::string(tensor.name)},
                   {direction},
                   {grouped(c)},
                   equality(c, f),
                   {grouped(f)},
                   {percent_text(share)},
                   {bar(share)}});
  }
}

TextTable traffic_table(const StageReport& s) {
  TextTable table(
      {{"tensor", true}, {"", true}, {"bytes"}, {""}, {"formula"}, {"share"}, {"", true}});
  const std::int64_t read = s.counters.hbm_read.total(), write = s.counters.hbm_write.total();
  const std::int64_t formula = s.formula.hbm_bytes();
  add_rows(table, "read", s.counters.hbm_read, s.formula.hbm_read, read + write);
  add_rows(table, "written", s.counters.hbm_write, s.formula.hbm_write, read + write);
  table.add_row({{"all"},
                 {""},
                 {grouped(read + write)},
                 equality(read + write, formula),
                 {grouped(formula)},
                 {percent_text(1)},
                 {""}});
  return table;
}

TextTable work_table(const StageReport& s) {
  TextTable table({{"work", true}, {"counted"}, {""}, {"formula"}});
  const auto add = [&](const std::string& name, std::int64_t counted, std::int64_t formula) {
    table.add_row({{name}, {grouped(counted)}, equality(counted, formula), {grouped(formula)}});
  };
  const Counters &c = s.counters, &f = s.formula;
  add("FLOPs", c.flops, f.flops);
  add("exponentials", c.exponentials, f.exponentials);
  add("launches", c.launches, f.launches);
  add("bytes on chip", c.on_chip_peak, f.on_chip_peak);
  for (const tile::TensorId tensor : Tensor::all)
    if (c.hbm_workspace[tensor] != 0 || f.hbm_workspace[tensor] != 0)
      add("workspace " + std::string(tensor.name), c.hbm_workspace[tensor],
          f.hbm_workspace[tensor]);
  return table;
}

// Useful FLOPs, as in GFLOP/s: a stage that computes something twice is no denser for it.
std::string intensity_text(const StageReport& s, double nominal) {
  const Counters& c = s.counters;
  const auto bytes = static_cast<double>(c.hbm_bytes());
  return "Arithmetic intensity: " + rate_text(ratio(nominal, bytes)) +
         " useful FLOPs for each byte of HBM traffic. FLOPs executed: " +
         percent_text(ratio(static_cast<double>(c.flops), nominal)) + " of the useful " +
         count_text(nominal) + " (padding and masked scores count).";
}

}  // namespace

std::string profile_text(const Report& report, const Terminal& terminal) {
  std::string text;
  for (const StageReport& stage : report.stages) {
    if (stage.seconds.runs == 0) continue;
    text += "\n" + painted(terminal, Tone::heading, stage.stage) + "\n" +
            traffic_table(stage).text(terminal) + "\n" + work_table(stage).text(terminal) + "\n" +
            paragraph(terminal, "", intensity_text(stage, nominal_flops(report)));
  }
  return text;
}

}  // namespace flash
