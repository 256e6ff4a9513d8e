// Examples of docs/math.md.
#include <array>
#include <cmath>
#include <cstdint>

#include "attention/cost/cost.h"
#include "attention/tensor.h"
#include "report/text.h"
#include "worked/chapters.h"
#include "worked/softmax.h"

namespace flash {
namespace {

std::string row_of(const char* name, const Partial& p) {
  return text_of("| %s | %.0f | %.4f | %.4f | %.4f | %.4f |\n", name, p.m, p.l, p.O, p.output(),
                 p.lse());
}

}  // namespace

// Double d with the same on-chip memory: four times the traffic, not twice.
std::string traffic_of_algorithm_1() {
  std::string text =
      "| d | B_c = M/4d | T_c | traffic | ÷ the line above |\n|--:|--:|--:|--:|--:|\n";
  constexpr std::int64_t M = 49152, N = 16384;
  double previous = 0;
  for (const int d : {32, 64, 128, 256}) {
    const std::int64_t B_c = M / (4 * d), passes = (N + B_c - 1) / B_c;
    const auto elements = static_cast<double>(passes * 3 * N * d);
    text += text_of("| %d | %d | %d | %.1f M elements | %s |\n", d, static_cast<int>(B_c),
                    static_cast<int>(passes), elements / 1e6,
                    previous > 0 ? text_of("%.2f", elements / previous).c_str() : "");
    previous = elements;
  }
  return text +
         "\nOne head, N = 16384, M = 49152 elements (192 KB of fp32): Q and O read, O written.\n";
}

// The tiles of chapter 02, merged in two orders.
std::string merged_tiles() {
  std::array<Partial, 3> tile;
  for (int i = 0; i < 3; ++i) tile[i] = of_tile(softmax_tiles[i]);
  const Partial first = merge(tile[0], tile[1]), last = merge(tile[1], tile[2]);
  return "| | m | l | Õ | Õ / l | m + ln l |\n|---|--:|--:|--:|--:|--:|\n" +
         row_of("tile 0", tile[0]) + row_of("tile 1", tile[1]) + row_of("tile 2", tile[2]) +
         row_of("0 ⊕ 1", first) + row_of("(0 ⊕ 1) ⊕ 2", merge(first, tile[2])) +
         row_of("1 ⊕ 2", last) + row_of("0 ⊕ (1 ⊕ 2)", merge(tile[0], last)) +
         row_of("2 ⊕ identity", merge(tile[2], {}));
}

// What splits add to a decode step.
std::string cost_of_splits() {
  Problem p;
  p.heads = 16;
  p.kv_heads = 2;
  p.seqlen_q = 1;
  p.seqlen_k = 65536;
  p.head_dim = 128;
  p.dtype = DType::bf16;
  const int chosen = decoding_plan(p.shape()).splits;
  std::string text =
      "| splits | blocks | K and V | partial results | share |\n|--:|--:|--:|--:|--:|\n";
  for (const int splits : {1, 8, chosen, 128}) {
    Shape shape = p.shape();
    shape.splits = splits;
    const tile::Counters cost = decoding_cost(p, decoding_plan(shape));
    const auto cache = static_cast<double>(cost.hbm_read[Tensor::K] + cost.hbm_read[Tensor::V]);
    double partial = 0;
    for (const tile::PerTensor* bytes : {&cost.hbm_read, &cost.hbm_write})
      partial += static_cast<double>((*bytes)[Tensor::O_split] + (*bytes)[Tensor::LSE_split]);
    text += text_of("| %d%s | %d | %.1f MB | %.3f MB | %.2f %% |\n", splits,
                    splits == chosen ? " (chosen)" : "", 2 * splits, cache / 1e6, partial / 1e6,
                    100 * partial / cache);
  }
  return text + "\n1 query, 65536 keys, 16 heads on 2 key heads, d = 128, bf16.\n";
}

}  // namespace flash
