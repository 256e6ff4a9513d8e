// A table of what the modelled GPU predicts for decoding, beside what was published. Computed, not
// measured, so that there is no file of results.
#include "worked/decoding.h"

#include "model/predict.h"
#include "pages/docs.h"
#include "report/text.h"
#include "report/units.h"

namespace flash {

std::string decoding_table(const std::vector<Stage>& stages) {
  const model::Gpu& gpu = model::find_gpu("a100");
  std::string table =
      "| sequences | keys | 03, modelled | FlashAttention-2, published | 06, modelled | of that "
      "its merge | Flash-Decoding, published |\n|--:|--:|--:|--:|--:|--:|--:|\n";
  for (const PublishedDecoding& row : published_decodings) {
    const Problem problem{.batch = row.batch,
                          .heads = 16,
                          .kv_heads = 2,
                          .seqlen_q = 1,
                          .seqlen_k = row.keys,
                          .head_dim = 128,
                          .dtype = DType::bf16};
    const auto predicted = [&](const char* name) {
      const Stage& stage = find_stage(name, stages);
      return model::predict(gpu, model::record(gpu, stage, stage.passes.front().run, problem));
    };
    const model::Prediction whole = predicted("03_v2"), split = predicted("06_flash_decoding");
    const std::string merge =
        split.kernels.size() < 2 ? "–" : cell(seconds_text(split.kernels.back().seconds));
    table += text_of("| %d | %d | %s | %.0f&nbsp;us | %s | %s | %.1f&nbsp;us |\n", row.batch,
                     row.keys, cell(seconds_text(whole.seconds)).c_str(), row.flash_attention_2,
                     cell(seconds_text(split.seconds)).c_str(), merge.c_str(), row.flash_decoding);
  }
  return table +
         "\n<sub>1 query a sequence, 16 heads on 2 key heads, head_dim 128, 16-bit, on a modelled "
         "A100 (`./ladder timeline 06 --gpu a100`). Published: pytorch.org/blog/flash-decoding, on "
         "an A100, FP16.</sub>\n";
}

}  // namespace flash
