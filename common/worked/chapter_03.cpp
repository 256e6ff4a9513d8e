#include <cmath>

#include "attention/cost/cost.h"
#include "attention/tensor.h"
#include "report/text.h"
#include "worked/chapters.h"

namespace flash {
namespace {

constexpr int N = 4096;

}  // namespace

// The ladder's problem: 4 heads, d = 64, f32.
std::string counted_tiles() {
  constexpr TileShape tiles = tile_shape(64);
  constexpr int T_r = N / tiles.query_rows, T_c = N / tiles.key_rows;
  constexpr double megabytes = 4. * N * 64 * 4 / 1e6;  // N d of four heads
  std::string result = "| | what moves | for each of | N d | MB |\n|---|---|---|--:|--:|\n";
  result += text_of("| 02 | Q in, O in, O out | %d key tiles | %d | %.0f |\n", T_c, 3 * T_c,
                    3 * T_c * megabytes);
  result += text_of("| 03 | K in, V in | %d query tiles | %d | %.0f |\n", T_r, 2 * T_r,
                    2 * T_r * megabytes);
  return result;
}

std::string causal_tiles() {
  constexpr TileShape tiles = tile_shape(64);
  constexpr int T_r = N / tiles.query_rows, T_c = N / tiles.key_rows;
  std::string result =
      "| query tile | its rows | `seen_by_all` | `seen` | key tiles | of them masked |\n"
      "|--:|---|--:|--:|--:|--:|\n";
  int visited = 0, masked = 0;
  for (int i = 0; i < T_r; ++i) {
    const int first = i * tiles.query_rows, seen_by_all = first + 1;
    const int seen = first + tiles.query_rows, keys = tile::ceil_div(seen, tiles.key_rows);
    int crossed = 0;
    for (int key = 0; key < seen; key += tiles.key_rows)
      crossed += key + tiles.key_rows > seen_by_all;
    visited += keys;
    masked += crossed;
    if (i < 2 || i == T_r - 1)
      result += text_of("| %d | %d–%d | %d | %d | %d | %d |\n", i, first, seen - 1, seen_by_all,
                        seen, keys, crossed);
  }
  return result + text_of("| all %d | | | | %d of %d, %.1f%% | %d |\n", T_r, visited, T_r * T_c,
                          100. * visited / (T_r * T_c), masked);
}

// A block on an SM at a time.
std::string waves() {
  std::string result =
      "| heads × sequences | N | GPU | blocks of 02 | SMs at work | blocks of 03 | waves w | "
      "w / ⌈w⌉ |\n|--:|--:|---|--:|--:|--:|--:|--:|\n";
  struct Case {
    int heads, N;
    const char* name;
    int sms;
  };
  for (const Case c : {Case{4, 4096, "H100", 132}, Case{16, 1024, "H100", 132},
                       Case{32, 4096, "A100", 108}, Case{64, 8448, "H100", 132}}) {
    const int blocks = c.heads * tile::ceil_div(c.N, 128);
    const double w = static_cast<double>(blocks) / c.sms;
    result +=
        text_of("| %d | %d | %s, %d SMs | %d | %.0f%% | %d | %.2f | %.0f%% |\n", c.heads, c.N,
                c.name, c.sms, c.heads, 100. * c.heads / c.sms, blocks, w, 100 * w / std::ceil(w));
  }
  return result;
}

// Clocks that an SM needs for 1024 scores, 64 keys a tile. An operation on an FP32 lane, a division
// too, counts as one; conversions and masks are left out.
std::string slow_flops() {
  struct Sm {
    const char* name;
    int product_flops, lanes, exponentials;  // a clock
  };
  std::string result =
      "| clocks for 1024 scores | products | FP32 lanes, as in 02: 5 + 2 d/64 | FP32 lanes, as in "
      "03: 3 + d/64 | exponentials |\n"
      "|---|--:|--:|--:|--:|\n";
  constexpr int scores = 1024, keys = 64;
  for (const Sm sm : {Sm{"A100", 2048, 64, 16}, Sm{"H100", 4096, 128, 16}})
    for (const int d : {64, 128}) {
      const int online = 5 + 2 * d / keys;  // scale, max, subtract, times log2 e, add; O twice
      const int v2 = 3 + d / keys;          // max, multiply-add, add; O once
      result += text_of("| %s, d = %d | %d | %d | %d | %d |\n", sm.name, d,
                        scores * 4 * d / sm.product_flops, scores * online / sm.lanes,
                        scores * v2 / sm.lanes, scores / sm.exponentials);
    }
  return result;
}

std::string padded_heads() {
  std::string asked = "| head_dim |", padded = "| padded to |", executed = "| FLOPs executed |";
  std::string rule = "|---|";
  for (const int d : {40, 64, 72, 80, 96, 112, 128, 160, 256}) {
    asked += text_of(" %d |", d);
    rule += "--:|";
    padded += text_of(" %d |", padded_head_dim(d));
    executed += text_of(" %.0f%% |", 100. * padded_head_dim(d) / d);
  }
  return asked + "\n" + rule + "\n" + padded + "\n" + executed + "\n";
}

// The ladder's problem, f32, with other query tiles than the plan's.
std::string query_tiles() {
  std::string result =
      "| queries a tile | blocks | K and V read | all that 03 moves | useful FLOPs a byte |\n"
      "|--:|--:|--:|--:|--:|\n";
  const Problem p = {.heads = 4, .kv_heads = 4, .seqlen_q = N, .seqlen_k = N};
  for (const int queries : {16, 32, 64, 128}) {
    Plan plan = plan_of(p.shape());
    plan.tiles.query_rows = queries;
    const tile::Counters cost = v2_cost(p, plan);
    const auto kv = static_cast<double>(cost.hbm_read[Tensor::K] + cost.hbm_read[Tensor::V]);
    const auto all = static_cast<double>(cost.hbm_bytes());
    result += text_of("| %d | %d | %.0f MB | %.0f MB | %.1f |\n", queries,
                      static_cast<int>(p.heads) * N / queries, kv / 1e6, all / 1e6,
                      nominal_flops(p) / all);
  }
  return result;
}

}  // namespace flash
