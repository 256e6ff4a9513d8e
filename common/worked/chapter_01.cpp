#include <algorithm>
#include <array>
#include <cmath>

#include "attention/cost/cost.h"
#include "report/text.h"
#include "worked/block_curve.h"
#include "worked/chapters.h"
#include "worked/softmax.h"

namespace flash {

// One query and three tiles of two keys, those of chapter 02.
std::string two_sweeps() {
  std::array<double, 3> maxima{};
  double m = -INFINITY, l = 0, o = 0;
  for (int tile = 0; tile < 3; ++tile)
    maxima[tile] = m = std::max({m, softmax_tiles[tile].S[0], softmax_tiles[tile].S[1]});
  std::string result =
      "| tile | S | V | m in sweep 1 | P = e^(S − 4) | l | O, times l |\n"
      "|--:|---|---|--:|---|--:|--:|\n";
  for (int tile = 0; tile < 3; ++tile) {
    const auto& [S, V] = softmax_tiles[tile];
    const double p[2] = {std::exp(S[0] - m), std::exp(S[1] - m)};
    l += p[0] + p[1];
    o += p[0] * V[0] + p[1] * V[1];
    result += text_of("| %d | %.0f, %.0f | %.0f, %.0f | %.0f | %.4f, %.4f | %.4f | %.4f |\n", tile,
                      S[0], S[1], V[0], V[1], maxima[tile], p[0], p[1], l, o);
  }
  return result + text_of("\nO = %.4f / %.4f = %.4f, LSE = 4 + ln %.4f = %.4f.\n", o, l, o / l, l,
                          m + std::log(l));
}

// What the stages move, of what 00 moves: 4 heads, N = 4096.
std::string crossover() {
  std::string result =
      "| d | 00 | 01/1_fused | 01 | 02 | 03 | 4 d / B_c beside 00's 4 |\n"
      "|--:|--:|--:|--:|--:|--:|---|\n";
  for (const std::int64_t d : {32, 64, 128, 256}) {
    const Problem p = {
        .heads = 4, .kv_heads = 4, .seqlen_q = 4096, .seqlen_k = 4096, .head_dim = d};
    const Plan plan = plan_of(p.shape());
    const auto moved = [&](const tile::Counters& cost) {
      return static_cast<double>(cost.hbm_bytes());
    };
    const double naive = moved(naive_cost(p, plan));
    const auto share = [&](const tile::Counters& cost) {
      return text_of("%.2f", moved(cost) / naive);
    };
    result +=
        text_of("| %d | 1 (%.0f MB) | %s | %s | %s | %s | %d N² |\n", static_cast<int>(d),
                naive / 1e6, share(fused_cost(p, plan)).c_str(),
                share(tiling_cost(p, plan)).c_str(), share(online_softmax_cost(p, plan)).c_str(),
                share(v2_cost(p, plan)).c_str(), static_cast<int>(4 * d / plan.tiles.key_rows));
  }
  return result;
}

// FlashAttention-1's block sizes, in 16 bits: B_c = ceil(M / 4d), B_r = min(B_c, d).
std::string block_sizes() {
  std::string result =
      "| M, in 16-bit numbers | d | B_c | B_r | T_c at N = 4096 | N² d² / M | N² |\n"
      "|--:|--:|--:|--:|--:|--:|--:|\n";
  constexpr double N = 4096;
  for (const int kib : {48, 192})
    for (const int d : {64, 128, 256}) {
      const int M = kib * 1024 / 2, B_c = (M + 4 * d - 1) / (4 * d);
      result += text_of("| %d (%d KiB) | %d | %d | %d | %.0f | %.1f M | %.1f M |\n", M, kib, d, B_c,
                        std::min(B_c, d), std::ceil(N / B_c), N * N * d * d / M / 1e6, N * N / 1e6);
    }
  return result;
}

std::string block_curve() {
  std::string result = "| B_c | T_c | 3 T_c N d of all heads, fp16 |\n|--:|--:|--:|\n";
  for (const int B_c : {64, 128, 256, 512})
    result += text_of("| %d | %d | %.1f GB |\n", B_c, 1024 / B_c, bytes_of_algorithm_1(B_c) / 1e9);
  return result;
}

// The ladder's problem, f32, with other key tiles than the plan's.
std::string key_tiles() {
  std::string result =
      "| keys a tile | 01 moves | on chip in 01 | 03 moves | on chip in 03 |\n"
      "|--:|--:|--:|--:|--:|\n";
  const Problem p = {.heads = 4, .kv_heads = 4, .seqlen_q = 4096, .seqlen_k = 4096};
  for (const int keys : {16, 32, 64, 128, 256}) {
    Plan plan = plan_of(p.shape());
    plan.tiles.key_rows = keys;
    const tile::Counters tiling = tiling_cost(p, plan), v2 = v2_cost(p, plan);
    const auto megabytes = [](const tile::Counters& cost) {
      return static_cast<double>(cost.hbm_bytes()) / 1e6;
    };
    result += text_of("| %d | %.0f MB | %.0f KiB | %.0f MB | %.0f KiB |\n", keys, megabytes(tiling),
                      static_cast<double>(tiling.on_chip_peak) / 1024, megabytes(v2),
                      static_cast<double>(v2.on_chip_peak) / 1024);
  }
  return result;
}

}  // namespace flash
