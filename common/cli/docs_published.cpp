// Tables of what the modelled GPU predicts, beside what was published. Computed, not measured, so
// that there is no file of results.
#include <algorithm>
#include <array>
#include <cstdio>

#include "cli/docs.h"
#include "cli/options.h"
#include "model/predict.h"
#include "report/units.h"

namespace flash {
namespace {

std::string text(const char* format, auto... values) {
  std::array<char, 300> line{};
  std::snprintf(line.data(), line.size(), format, values...);
  return line.data();
}

const Pass::Run& run_of(const Stage& stage, std::string_view variant) {
  if (variant.empty()) return stage.passes.front().run;
  return std::ranges::find(stage.variants, variant, &Variant::name)->run;
}

model::Prediction predicted(std::string_view gpu, const Stage& stage, std::string_view variant,
                            const Problem& problem) {
  const model::Gpu& device = model::find_gpu(gpu);
  return model::predict(device, model::record(device, stage, run_of(stage, variant), problem));
}

// Shah et al., FlashAttention-3 (arXiv:2407.08608), Table 2; of FlashAttention-2, figure 5 at 8k.
std::string pipeline_table(const std::vector<Stage>& stages) {
  constexpr struct {
    const char *stage, *variant, *published;
  } rows[] = {{"03_v2", "", "370 (FlashAttention-2)"},
              {"04_v3_hopper", "", "661"},
              {"04_v3_hopper", "without producer", "570"},
              {"04_v3_hopper", "without ping-pong", "–"},
              {"04_v3_hopper", "without overlap", "582"}};
  const Problem problem{.batch = 4,
                        .heads = 16,
                        .kv_heads = 16,
                        .seqlen_q = 8448,
                        .seqlen_k = 8448,
                        .head_dim = 128,
                        .dtype = DType::bf16};
  std::string table =
      "| | modelled time | TFLOP/s | tensor cores busy | exponentials busy | published TFLOP/s |\n"
      "|---|--:|--:|--:|--:|--:|\n";
  for (const auto& row : rows) {
    const std::string variant = row.variant;
    const model::Prediction p = predicted("h100", find_stage(row.stage, stages), variant, problem);
    const model::Timeline& sm = p.kernels.back().sm;
    const auto busy = [&](model::Lane lane) {
      return percent_text(sm.busy[static_cast<int>(lane)] / sm.cycles);
    };
    table += "| " + (variant.empty() ? row.stage : "&nbsp; " + variant) + " | " +
             cell(seconds_text(p.seconds)) + text(" | %.0f | ", p.tflops()) +
             busy(model::Lane::tensor) + " | " + busy(model::Lane::exponential) + " | " +
             row.published + " |\n";
  }
  return table +
         "\n<sub>4 sequences, 16 heads, 8448 queries and keys, head_dim 128, bf16, on a modelled "
         "H100 at 1605 MHz (`./ladder timeline`). Published: arXiv:2407.08608, Table 2, with tiles "
         "of 128 × 176; FlashAttention-2 from its figure 5, at 8k keys.</sub>\n";
}

// The published figures are those of the blog, on an A100.
std::string decode_table(const std::vector<Stage>& stages) {
  constexpr struct {
    std::int64_t batch, keys;
    double unsplit, split;
  } rows[] = {{8, 8192, 529.2, 56.4},
              {4, 16384, 582.7, 58.2},
              {1, 65536, 2300.6, 64.4},
              {1, 131072, 4592.2, 106.6}};
  std::string table =
      "| sequences | keys | 03, modelled | FlashAttention-2, published | 06, modelled | of that "
      "its "
      "merge | Flash-Decoding, published |\n|--:|--:|--:|--:|--:|--:|--:|\n";
  for (const auto& row : rows) {
    const Problem problem{.batch = row.batch,
                          .heads = 16,
                          .kv_heads = 2,
                          .seqlen_q = 1,
                          .seqlen_k = row.keys,
                          .head_dim = 128,
                          .dtype = DType::bf16};
    const auto predict = [&](const char* stage) {
      return predicted("a100", find_stage(stage, stages), "", problem);
    };
    const model::Prediction whole = predict("03_v2"), split = predict("06_flash_decoding");
    const std::string merge =
        split.kernels.size() < 2 ? "–" : cell(seconds_text(split.kernels.back().seconds));
    table += text("| %lld | %lld | %s | %.0f&nbsp;us | %s | %s | %.1f&nbsp;us |\n",
                  static_cast<long long>(row.batch), static_cast<long long>(row.keys),
                  cell(seconds_text(whole.seconds)).c_str(), row.unsplit,
                  cell(seconds_text(split.seconds)).c_str(), merge.c_str(), row.split);
  }
  return table +
         "\n<sub>1 query a sequence, 16 heads on 2 key heads, head_dim 128, 16-bit, on a modelled "
         "A100 (`./ladder timeline 06 --gpu a100`). Published: pytorch.org/blog/flash-decoding, on "
         "an A100, FP16.</sub>\n";
}

}  // namespace

std::string published_table(const std::string& name, const std::vector<Stage>& stages) {
  if (name == "pipeline") return pipeline_table(stages);
  if (name == "decode") return decode_table(stages);
  throw BadInput("docs: '" + name + "' is not published, expected pipeline or decode");
}

}  // namespace flash
