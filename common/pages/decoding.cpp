// Tables of what the modelled GPUs predict for decoding, beside what was published for an A100, and
// measured on an H100.
#include "worked/decoding.h"

#include "model/predict.h"
#include "pages/docs.h"
#include "pages/gpu_peers.h"
#include "report/text.h"
#include "report/units.h"

namespace flash {
namespace {

using nlohmann::json;

model::Prediction predicted(const model::Gpu& gpu, const Stage& stage,
                            const PublishedDecoding& row) {
  const Problem problem{.batch = row.batch,
                        .heads = 16,
                        .kv_heads = 2,
                        .seqlen_q = 1,
                        .seqlen_k = row.keys,
                        .head_dim = 128,
                        .dtype = DType::f16};
  return model::predict(gpu, model::record(gpu, stage, stage.passes.front().run, problem));
}

std::string time_cell(double seconds) {
  return cell(seconds_text(seconds));
}

constexpr char problem_text[] = "1 query a sequence, 16 heads on 2 key heads, d = 128, FP16.";

std::string table_beside_published(const std::vector<Stage>& stages) {
  const model::Gpu& gpu = model::find_gpu("a100");
  std::string table =
      "| sequences | keys | 03, modelled | FlashAttention-2, published | 06, modelled | of that "
      "its merge | Flash-Decoding, published |\n|--:|--:|--:|--:|--:|--:|--:|\n";
  for (const PublishedDecoding& row : published_decodings) {
    const model::Prediction whole = predicted(gpu, find_stage("03_v2", stages), row);
    const model::Prediction split = predicted(gpu, find_stage("06_flash_decoding", stages), row);
    const std::string merge =
        split.kernels.size() < 2 ? "–" : time_cell(split.kernels.back().seconds);
    table += text_of("| %d | %d | %s | %.0f&nbsp;us | %s | %s | %.1f&nbsp;us |\n", row.batch,
                     row.keys, time_cell(whole.seconds).c_str(), row.flash_attention_2,
                     time_cell(split.seconds).c_str(), merge.c_str(), row.flash_decoding);
  }
  return table + "\n<sub>" + problem_text +
         " Modelled: an A100 (`./ladder timeline 06 --gpu a100`). Published: "
         "pytorch.org/blog/flash-decoding, on an A100.</sub>\n";
}

std::string table_beside_measured(const std::vector<Stage>& stages) {
  const json results = gpu_peers();
  std::string table =
      "| sequences | keys | 06, modelled | PyTorch, cudnn | PyTorch, flash |\n"
      "|--:|--:|--:|--:|--:|\n";
  for (const PublishedDecoding& row : published_decodings) {
    const model::Prediction split =
        predicted(model::find_gpu("h100"), find_stage("06_flash_decoding", stages), row);
    table += text_of("| %d | %d | %s |", row.batch, row.keys, time_cell(split.seconds).c_str());
    for (const char* backend : {"cudnn", "flash"}) {
      const json measured = row_of(results, {{"direction", "decode"},
                                             {"backend", backend},
                                             {"batch", row.batch},
                                             {"seqlen", row.keys}});
      table += " " + time_cell(measured.at("seconds").get<double>()) + " |";
    }
    table += "\n";
  }
  return table + "\n<sub>" + problem_text + " " + how_measured(results) +
         ", calls in a CUDA graph.</sub>\n";
}

}  // namespace

std::string decoding_table(const std::string& beside, const std::vector<Stage>& stages) {
  return beside == "measured" ? table_beside_measured(stages) : table_beside_published(stages);
}

}  // namespace flash
