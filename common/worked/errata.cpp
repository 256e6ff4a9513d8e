// Computations of docs/errata.md.
#include <cmath>

#include "report/text.h"
#include "worked/chapters.h"
#include "worked/decoding.h"
#include "worked/softmax.h"

namespace flash {
namespace {

// What a recurrence does at a tile with those before it: it may be wrong.
using Step = Partial (*)(const Partial& before, const Partial& tile);

// Õ is multiplied by the inverse of e^(m_old - m_new).
Partial inverse(const Partial& before, const Partial& tile) {
  Partial right = merge(before, tile);
  if (before.l == 0) return right;
  right.O = before.O / std::exp(before.m - right.m) + std::exp(tile.m - right.m) * tile.O;
  return right;
}

// O, which is divided by l, is not multiplied by it again.
Partial without_l(const Partial& before, const Partial& tile) {
  Partial right = merge(before, tile);
  if (before.l == 0) return right;
  right.O = std::exp(before.m - right.m) * before.output() + std::exp(tile.m - right.m) * tile.O;
  return right;
}

// Neither l nor O is corrected when the maximum moves.
Partial uncorrected(const Partial& before, const Partial& tile) {
  const double m = std::max(before.m, tile.m), weight = std::exp(tile.m - m);
  return {.m = m, .l = before.l + weight * tile.l, .O = before.O + weight * tile.O};
}

std::string outcome(const char* name, Step step) {
  Partial p;
  for (int i = 0; i < 3; ++i) p = step(p, of_tile(softmax_tiles[i]));
  return text_of("| %s | %.4f | %.4f |\n", name, p.output(), p.lse());
}

// The loop ends one tile early, and the last P meets the last V.
std::string early_end() {
  const SoftmaxTile &second = softmax_tiles[1], &third = softmax_tiles[2];
  const Partial p = merge(of_tile(softmax_tiles[0]),
                          of_tile({{second.S[0], second.S[1]}, {third.V[0], third.V[1]}}));
  return text_of("| FlashAttention-3, Algorithm 2: j < T_c − 1 | %.4f | %.4f |\n", p.output(),
                 p.lse());
}

std::string share(const char* what, double rate, double peak) {
  return text_of("| %s | %.0f of %.0f TFLOP/s | %.1f %% |\n", what, rate, peak, 100 * rate / peak);
}

}  // namespace

// The three tiles of chapter 02 by the printed recurrences.
std::string wrong_recurrences() {
  return "| recurrence | O | LSE |\n|---|--:|--:|\n" + outcome("right", merge) +
         outcome("FlashAttention-2, line 10: the factor inverted", inverse) +
         outcome("notes: (e^(m − m') O + P V) / l'", without_l) +
         outcome("no correction when the maximum moves", uncorrected) + early_end();
}

std::string published_shares() {
  return "| claim | rate | share |\n|---|--:|--:|\n" +
         share("FlashAttention-2 forward, A100", 230, 312) +
         share("FlashAttention-3 forward, H100, abstract", 740, 989) +
         share("FlashAttention-3 forward, H100, highest bar of Figure 5", 756, 989) +
         share("FlashAttention-3, d = 128, highest bar", 648, 989) +
         share("FlashAttention-3, d = 64, highest bar", 497, 989);
}

// FlashAttention-1 against PyTorch, from the tables of its appendix E.6.
std::string published_speedups() {
  constexpr double forward[2][5] = {{0.43, 1.27, 4.32, 16.47, 67.77},
                                    {0.18, 0.68, 2.40, 8.42, 33.54}};
  constexpr double both[2][4] = {{1.18, 3.67, 13.22, 50.44}, {0.73, 2.29, 7.64, 30.09}};
  constexpr double masked[2][4] = {{2.35, 8.29, 31.75, 124.19}, {0.95, 2.55, 9.56, 37.49}};
  std::string text =
      "| N | forward | forward and backward | the same with dropout and mask |\n"
      "|--:|--:|--:|--:|\n";
  for (int i = 0; i < 5; ++i) {
    text += text_of("| %d | %.1f× |", 512 << i, forward[0][i] / forward[1][i]);
    text += i == 4 ? " | |\n"
                   : text_of(" %.1f× | %.1f× |\n", both[0][i] / both[1][i],
                             masked[0][i] / masked[1][i]);
  }
  return text;
}

std::string published_decoding() {
  std::string text =
      "| batch | keys | FlashAttention-2 | Flash-Decoding | ratio | K and V a second |\n"
      "|--:|--:|--:|--:|--:|--:|\n";
  for (const PublishedDecoding& row : published_decodings)
    text += text_of("| %d | %d | %.1f µs | %.1f µs | %.1f | %.2f TB/s |\n", row.batch, row.keys,
                    row.flash_attention_2, row.flash_decoding,
                    row.flash_attention_2 / row.flash_decoding,
                    2.0 * 2 * 128 * 2 * row.batch * row.keys / row.flash_decoding / 1e6);
  return text + "\n2 key heads, d = 128, 2 bytes an element.\n";
}

}  // namespace flash
