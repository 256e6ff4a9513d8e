#include <algorithm>
#include <array>
#include <span>

#include "attention/plan.h"
#include "report/text.h"
#include "worked/chapters.h"

namespace flash {
namespace {

// Of one SM of an H100 in a clock: 989 TFLOP/s are 132 SMs at 1.83 GHz with 4096 each.
constexpr int products = 4096, exponentials = 16;
constexpr int threads = 128;  // of a warpgroup

// The time at which the last of the processors is done, which take the pieces in this order.
int finish(std::span<const int> pieces, int processors) {
  std::array<int, 8> busy{};
  for (const int piece : pieces)
    *std::min_element(busy.begin(), busy.begin() + processors) += piece;
  return *std::max_element(busy.begin(), busy.begin() + processors);
}

}  // namespace

// Clocks of a tile of 128 queries and 64 keys on each unit, and what they come to.
std::string one_tile() {
  std::string text =
      "| d | QKᵀ | PV | exponentials | one after another: tensor cores busy | two in turns |\n"
      "|--:|--:|--:|--:|--:|--:|\n";
  for (const int d : {64, 128, 256}) {
    const int product = 2 * 128 * 64 * d / products, exps = 128 * 64 / exponentials;
    const int both = 2 * product;
    text += text_of("| %d | %d | %d | %d | %d of %d: %.0f %% | %d of %d: %.0f %% |\n", d, product,
                    product, exps, both, both + exps, 100.0 * both / (both + exps), both,
                    std::max(both, exps), 100.0 * both / std::max(both, exps));
  }
  return text;
}

// Six uses of a ring of two slots.
std::string ring_of_two() {
  std::string text =
      "| use n | slot n mod 2 | round ⌊n/2⌋ | consumers wait for *full*, bit | the producer waits "
      "for *empty*, bit | which was completed by |\n|--:|--:|--:|--:|--:|---|\n";
  for (int n = 0; n < 6; ++n)
    text += text_of(
        "| %d | %d | %d | %d | %d | %s |\n", n, n % 2, n / 2, n / 2 % 2, n / 2 % 2 ^ 1,
        n < 2 ? "nobody: it passes at once" : text_of("the readers of use %d", n - 2).c_str());
  return text;
}

// Registers of a thread of a consumer that has 64 rows, and shared memory of a block, both in bf16.
std::string room_of_tiles() {
  struct Tiles {
    const char* name;
    int query_rows, key_rows, d;
  };
  constexpr Tiles all[] = {{"here", 128, 64, 64},
                           {"here", 128, 64, 128},
                           {"FlashAttention-3", 128, 176, 128},
                           {"a larger one", 128, 256, 128}};
  std::string text =
      "| tiles | B_r × B_c, d | S | P | O | of 240 registers | Q | K, V, two slots | of 227 KB |\n"
      "|---|---|--:|--:|--:|--:|--:|--:|--:|\n";
  for (const Tiles& t : all) {
    const int S = 64 * t.key_rows / threads, P = S / 2, O = 64 * t.d / threads;
    const int Q = t.query_rows * t.d * 2 / 1024, KV = 2 * 2 * t.key_rows * t.d * 2 / 1024;
    text += text_of("| %s | %d × %d, %d | %d | %d | %d | %d | %d | %d | %d |\n", t.name,
                    t.query_rows, t.key_rows, t.d, S, P, O, S + P + O, Q, KV, Q + KV);
  }
  return text;
}

// Eight query tiles under a causal mask, which see 1 to 8 key tiles, on three SMs.
std::string causal_order() {
  const std::array<int, 8> shortest = {1, 2, 3, 4, 5, 6, 7, 8}, longest = {8, 7, 6, 5, 4, 3, 2, 1};
  return text_of(
      "| order | the last SM is done after | of an even share of 12 |\n|---|--:|--:|\n"
      "| 1, 2, …, 8: that of the grid | %d | %.2f |\n| 8, 7, …, 1: longest first | %d | %.2f |\n",
      finish(shortest, 3), finish(shortest, 3) / 12.0, finish(longest, 3),
      finish(longest, 3) / 12.0);
}

}  // namespace flash
