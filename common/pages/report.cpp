// `ladder report`: a run as one page, with nothing in it that a browser would have to fetch.
#include "pages/report.h"

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "cli/long_work.h"
#include "cli/options.h"
#include "cli/run_options.h"
#include "drawing/svg_text.h"
#include "drawing/timeline.h"
#include "model/predict.h"
#include "model/strip.h"
#include "pages/html.h"
#include "pictures/drawings.h"
#include "report/summary.h"
#include "report/text.h"
#include "report/units.h"

namespace flash {
namespace {

constexpr Option own[] = {
    {"--output", "FILE", "the page (report.html)"},
    {"", "", "and what ladder run takes to state a problem; see ladder run --help"},
};

// Takes --output and its value out of the arguments; what is left is for `run`.
std::string take_output(Arguments& arguments) {
  std::string output = "report.html";
  for (auto at = arguments.begin(); at != arguments.end();) {
    if (at->starts_with("--output=")) {
      output = at->substr(9);
      at = arguments.erase(at);
    } else if (*at == "--output") {
      if (at + 1 == arguments.end()) refuse("--output", "nothing", "the name of a file");
      output = *(at + 1);
      at = arguments.erase(at, at + 2);
    } else {
      ++at;
    }
  }
  if (output.empty()) refuse("--output", "''", "the name of a file");
  return output;
}

std::string drawn(std::string_view title, const std::string& alt, std::string_view id,
                  const std::function<double(Svg&)>& draw) {
  Svg svg(title, alt);
  const double height = draw(svg);
  return "<figure>\n" + svg.str(height, id) + "</figure>\n";
}

std::string traffic_figure(const Report& report) {
  TrafficPanel panel = {problem_text(report.problem), {}};
  std::string alt = "Bars of the bytes that each stage moves between HBM and the blocks:";
  for (const StageReport& stage : report.stages) {
    panel.bars.emplace_back(stage.stage, stage.counters);
    alt +=
        " " + stage.stage + " " + bytes_text(static_cast<double>(stage.counters.hbm_bytes())) + ",";
  }
  alt.back() = '.';
  return drawn("Bytes between HBM and the blocks", alt, "-traffic", [&](Svg& svg) {
    return draw_traffic(svg, {panel}, "Counted in this run, read and written together.");
  });
}

// Of each stage: the largest error, what is accepted, and a bar as long as the one is of the other.
std::string error_table(const Report& report) {
  HtmlTable table({"stage", "largest error of O", "accepted", "share of it", ""});
  for (const StageReport& stage : report.stages) {
    const CheckResult& check = stage.check;
    const double share = check.error_bound > 0 ? check.max_abs_error / check.error_bound : 0;
    table.add_row({stage.stage, error_text(check.max_abs_error), error_text(check.error_bound),
                   percent_text(share)},
                  share_bar(share));
  }
  return table.text();
}

std::string results_table(const Report& report) {
  HtmlTable table({"stage", "verdict", "median time", "GFLOP/s", "of the FMA peak", "HBM read",
                   "HBM written", "on chip"});
  for (const StageReport& s : report.stages) {
    const bool ran = s.seconds.runs > 0;
    table.add_row({s.stage, s.passed ? "pass" : "FAIL", ran ? seconds_text(s.seconds.median) : "–",
                   ran ? rate_text(gflops(report, s)) : "–",
                   ran ? percent_text(fraction_of_peak(report, s)) : "–",
                   bytes_text(static_cast<double>(s.counters.hbm_read.total())),
                   bytes_text(static_cast<double>(s.counters.hbm_write.total())),
                   kib_text(static_cast<double>(s.counters.on_chip_peak))});
  }
  std::string text = table.text();
  for (const StageReport& s : report.stages)
    if (!s.failure.empty())
      text += "<h3>" + escaped(s.stage) + " fails</h3>\n<pre>" + escaped(s.failure) + "</pre>\n";
  return text;
}

// Stage 04 with FlashAttention-3's tiles and what each of its parts is worth, on a modelled H100.
std::string timelines() {
  constexpr double shown = 6000, drawn_cycles = 5 * shown;
  const model::Gpu& gpu = model::find_gpu("h100");
  const Problem problem = {.heads = 16,
                           .kv_heads = 16,
                           .seqlen_q = 8192,
                           .seqlen_k = 8192,
                           .head_dim = 128,
                           .dtype = DType::bf16};
  const Stage& stage = find_stage("04_v3_hopper", stages_with_published_tiles());
  std::string text = timeline_slider(drawn_cycles / shown);
  HtmlTable table({"stage 04", "predicted time", "TFLOP/s", "tensor cores busy",
                   "exponentials busy", "limited by", "L2 to SMs", "HBM"});
  std::string figures;
  const auto add = [&](const std::string& name, const Pass::Run& run) {
    const model::Recording recording = model::record(gpu, stage, run, problem);
    const model::Prediction prediction = model::predict(gpu, recording, true);
    const model::KernelPrediction& kernel = prediction.kernels.front();
    const auto busy = [&](model::Lane lane) {
      return percent_text(kernel.sm.busy[static_cast<int>(lane)] / kernel.sm.cycles);
    };
    table.add_row({name, seconds_text(prediction.seconds), text_of("%.0f", prediction.tflops()),
                   busy(model::Lane::tensor), busy(model::Lane::exponential),
                   std::string(model::name(prediction.bound())), bytes_text(prediction.block_bytes),
                   bytes_text(prediction.hbm_bytes)});
    const model::Window all = model::middle(kernel.sm, drawn_cycles);
    figures += "<figure>\n" +
               timeline_svg(name, kernel.sm, recording.blocks.front().roles,
                            {all.begin, all.begin + shown}, all.end,
                            "-" + std::to_string(figures.size())) +
               "</figure>\n";
  };
  add("whole", stage.passes.front().run);
  for (const Variant& variant : stage.variants) add(std::string(variant.name), variant.run);
  return "<p>" + escaped(problem_text(problem)) +
         "; one SM of a modelled H100. <a "
         "href=\"https://github.com/Dao-AILab/flash-attention\">FlashAttention-3</a>'s paper has "
         "661, 570 and 582 TFLOP/s for the whole, without a producer and without overlap.</p>\n" +
         table.text() + text + figures;
}

std::string peaks_text(const Peaks& peaks) {
  return rate_text(peaks.fma_gflops) + " GFLOP/s of fp32 FMA, " + rate_text(peaks.read_gbs) +
         " GB/s read from memory" +
         (peaks.l2_gbs > 0 ? " and " + rate_text(peaks.l2_gbs) + " from the second cache" : "");
}

std::string page_of(const Report& report, const std::vector<Stage>& stages) {
  const nlohmann::ordered_json json = to_json(report);
  const std::string machine = machine_text(report.machine, report.threads);
  const model::Gpu& gpu = model::find_gpu(report.gpu);
  std::string body = "<h1>Attention, stage by stage</h1>\n<p>" +
                     escaped(problem_text(report.problem)) + ". Inputs: " + escaped(report.source) +
                     ".<br>\n" + escaped(machine) + ". " + escaped(peaks_text(report.peaks)) +
                     ", measured in this run.</p>\n";
  body += section("results", "This CPU, measured", results_table(report));
  body += section("errors", "Errors beside what is accepted", error_table(report));
  body += section("traffic", "Traffic", traffic_figure(report));
  body += section(
      "roofs", "Rooflines",
      drawn("Work for a byte, and speed",
            "Stages under the roofs of a modelled GPU and of this CPU, with their L2 caches.",
            "-roofs",
            [&](Svg& svg) { return draw_rooflines(svg, stages, gpu, "This CPU", json); }));
  body += section("overlap", "Overlap on a modelled GPU", timelines());
  body += section("data", "All numbers",
                  "<details><summary>The JSON of this run</summary>\n<pre tabindex=\"0\">" +
                      escaped(json.dump(2)) + "</pre></details>\n");
  return html_page("Attention, stage by stage", body);
}

int report(Arguments arguments, const Environment& environment) {
  if (asks_for_help(arguments)) {
    environment.out << "usage: ladder report [OPTIONS]\n\n"
                       "Runs the stages, and writes what came out as one page for a browser.\n\n"
                    << options_help(own);
    return 0;
  }
  const std::string output = take_output(arguments);
  const RunOptions options = parse_run_options(arguments, environment.stages);
  require_writable(output, options.json);
  const Report found = run_stages(options, environment);
  if (!options.json.empty()) write_json("--json", options.json, to_json(found));
  const std::string page = page_of(found, environment.stages);
  std::ofstream file(output);
  file << page << std::flush;
  if (!file) refuse("--output", in_quotes(output) + " cannot be written", "room for it");
  environment.out << output << ": written\n";
  return std::ranges::all_of(found.stages, &StageReport::passed) ? 0 : 1;
}

}  // namespace

int report_command(const Arguments& arguments, const Environment& environment) {
  try {
    return report(arguments, environment);
  } catch (const BadInput& error) {
    throw in_run_options(error);
  }
}

}  // namespace flash
