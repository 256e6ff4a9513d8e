#include <algorithm>
#include <array>
#include <cmath>

#include "attention/cost/cost.h"
#include "attention/plan.h"
#include "attention/tensor.h"
#include "report/text.h"
#include "worked/chapters.h"
#include "worked/softmax.h"

namespace flash {
namespace {

constexpr double sms = 132;

// One query a sequence, 16 heads on 2 key heads, d = 128, bf16.
Problem decode_step(std::int64_t batch, std::int64_t keys) {
  return {.batch = batch,
          .heads = 16,
          .kv_heads = 2,
          .seqlen_q = 1,
          .seqlen_k = keys,
          .head_dim = 128,
          .dtype = DType::bf16};
}

}  // namespace

// The keys of chapter 02's example, a split for each of its tiles and one without keys.
std::string three_splits() {
  std::array<Partial, 4> parts{};  // the last one stays empty
  for (int split = 0; split < 3; ++split) parts[split] = of_tile(softmax_tiles[split]);
  const Partial all = merge(merge(parts[0], parts[1]), parts[2]);
  std::string text =
      "| split | S | V | O_s | LSE_s | e^(LSE_s − LSE) | its share of O |\n"
      "|--:|---|---|--:|--:|--:|--:|\n";
  for (int split = 0; split < 4; ++split) {
    const Partial& part = parts[split];
    const double weight = std::exp(part.lse() - all.lse());
    const auto list = [&](const double(SoftmaxTile::*of)[2]) {
      return split == 3
                 ? "none"
                 : text_of("%g, %g", (softmax_tiles[split].*of)[0], (softmax_tiles[split].*of)[1]);
    };
    text += text_of("| %d | %s | %s | %.4f | %s | %.4f | %.4f |\n", split,
                    list(&SoftmaxTile::S).c_str(), list(&SoftmaxTile::V).c_str(), part.output(),
                    std::isinf(part.lse()) ? "−∞" : text_of("%.4f", part.lse()).c_str(), weight,
                    weight * part.output());
  }
  const Partial right = merge(parts[0], merge(parts[1], parts[2]));
  return text + text_of(
                    "\nO = %.4f, LSE = %.4f. Merging 1 and 2 first, and then 0, gives %.4f and "
                    "%.4f.\n",
                    all.output(), all.lse(), right.output(), right.lse());
}

// Blocks and waves on an H100, for the settings like those of Flash-Decoding's table.
std::string one_query_on_132_sms() {
  std::string text =
      "| sequences | keys | blocks of 03 | heads packed | SMs with a block | splits | of them with "
      "keys | SMs busy |\n|--:|--:|--:|--:|--:|--:|--:|--:|\n";
  constexpr std::array<std::array<int, 2>, 7> settings = {
      {{256, 256}, {64, 1024}, {32, 2048}, {16, 4096}, {4, 16384}, {1, 8192}, {1, 65536}}};
  for (const auto& [batch, keys] : settings) {
    const int blocks = 2 * batch;
    const Plan plan = decoding_plan(decode_step(batch, keys).shape());
    const int tiles = tile::ceil_div(keys, plan.tiles.key_rows);
    const int with_keys = tile::ceil_div(tiles, tile::ceil_div(tiles, plan.splits));
    const double waves = blocks * with_keys / sms;
    text += text_of("| %d | %d | %d | %d | %.0f %% | %d | %d | %.0f %% |\n", batch, keys,
                    16 * batch, blocks, 100 * std::min(1.0, blocks / sms), plan.splits, with_keys,
                    100 * waves / std::ceil(waves));
  }
  return text;
}

// The rule, by hand: 48 blocks, and many keys.
std::string splits_of_48_blocks() {
  std::string text = "| splits | blocks | waves | busy |\n|--:|--:|--:|--:|\n";
  for (const int splits : {1, 2, 3, 4, 5, 6, 8, 11}) {
    const double waves = 48 * splits / sms;
    text += text_of("| %d | %d | %.2f | %.0f %% |\n", splits, 48 * splits, waves,
                    100 * waves / std::ceil(waves));
  }
  return text + text_of(
                    "\nThe best is 100 %%, with 11; the fewest that reach 85 %% of it are "
                    "%d.\n",
                    num_splits(48, 1, 512, 1 << 20, false));
}

// What splits add to the bytes of a step.
std::string bytes_of_splits() {
  std::string text =
      "| keys | cache | splits | partial results, written and read | of the cache |\n"
      "|--:|--:|--:|--:|--:|\n";
  for (const std::int64_t keys : {1024, 8192, 65536}) {
    const Problem p = decode_step(1, keys);
    Plan plan = decoding_plan(p.shape());
    const int chosen = plan.splits;
    for (const int splits : {chosen, 128}) {
      plan.splits = splits;
      const tile::Counters cost = decoding_cost(p, plan);
      const auto cache = static_cast<double>(cost.hbm_read[Tensor::K] + cost.hbm_read[Tensor::V]);
      double partial = 0;
      for (const tile::TensorId tensor : {Tensor::O_split, Tensor::LSE_split})
        partial += static_cast<double>(cost.hbm_read[tensor] + cost.hbm_write[tensor]);
      text += text_of("| %d | %.2f&nbsp;MB | %d%s | %.2f&nbsp;MB | %.0f %% |\n",
                      static_cast<int>(keys), cache / 1e6, splits,
                      splits == chosen ? ", the rule's" : "", partial / 1e6, 100 * partial / cache);
    }
  }
  return text;
}

// Of a model with 32 layers, 32 query heads and d = 128, in bf16.
std::string bytes_of_a_token() {
  std::string text =
      "| key heads | | a token | 64k tokens | FLOPs a byte of the cache |\n|--:|---|--:|--:|--:|\n";
  constexpr struct {
    int heads;
    const char* name;
  } all[] = {{32, "MHA, as many as query heads"}, {8, "GQA, groups of 4"}, {1, "MQA, one for all"}};
  for (const auto& [heads, name] : all) {
    const double token = 2.0 * 32 * heads * 128 * 2;
    text += text_of("| %d | %s | %.0f KiB | %.1f GiB | %d |\n", heads, name, token / 1024,
                    token * 65536 / (1 << 30), 32 / heads);
  }
  return text;
}

}  // namespace flash
