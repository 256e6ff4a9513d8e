#include "tile/cpu/simd/dropout.h"

#include <cstring>

#include "tile/cpu/simd/simd.h"

namespace tile::cpu {
namespace {

constexpr int keys = Dropout::keys_a_counter, max_rows = 128;
// Counters, or words of theirs, in 64-bit lanes whose upper halves are 0: a product of two words is
// one of 64 bits. Several vectors go side by side, as each waits for itself.
constexpr int vectors = 4, in_vector = lanes / 2, side_by_side = vectors * in_vector;
using Words = std::uint64_t __attribute__((vector_size(in_vector * 8)));
using Halves = std::uint32_t __attribute__((vector_size(in_vector * 4)));
using Factors = float __attribute__((vector_size(in_vector * 4)));

Words numbers() {
  Words n = {};
  for (int i = 0; i < in_vector; ++i) n[i] = i;
  return n;
}

// tile/philox.h, of many counters.
void philox(Words (&c)[4][vectors], PhiloxKey key) {
  for (int round = 0; round < 10; ++round) {
    TILE_UNROLL
    for (int i = 0; i < vectors; ++i) {
      const Words a = 0xD2511F53 * c[0][i], b = 0xCD9E8D57 * c[2][i];
      c[0][i] = (b >> 32) ^ c[1][i] ^ key[0];
      c[1][i] = b & 0xffffffff;
      c[2][i] = (a >> 32) ^ c[3][i] ^ key[1];
      c[3][i] = a & 0xffffffff;
    }
    key = {key[0] + 0x9E3779B9, key[1] + 0xBB67AE85};
  }
}

// The factors of `count` counters at most max_rows, (key / 4, query) and the next in one of the
// two: to[k][i] is that of key k of counter i.
void factors(float (&to)[keys][max_rows], int count, const Dropout& dropout, std::int64_t query,
             std::int64_t key, bool of_queries) {
  for (int first = 0; first < count; first += side_by_side) {
    Words c[4][vectors];
    for (int i = 0; i < vectors; ++i) {
      const Words step = numbers() + (first + i * in_vector);
      c[0][i] = (of_queries ? Words{} : step) + key / keys;
      c[1][i] = (of_queries ? step : Words{}) + query;
      c[2][i] = Words{} + dropout.head;
      c[3][i] = Words{};
    }
    philox(c, dropout.seed);
    for (int k = 0; k < keys; ++k)
      for (int i = 0; i < vectors; ++i) {
        const Halves words = __builtin_convertvector(c[k][i], Halves);
        const Factors factor = words >= dropout.threshold ? Factors{} + dropout.scale : Factors{};
        std::memcpy(&to[k][first + i * in_vector], &factor, sizeof factor);
      }
  }
}

}  // namespace

void drop(float* x, int rows, int cols, const Dropout& dropout, std::int64_t query,
          std::int64_t key) {
  float factor[keys][max_rows];
  const int panel = panel_rows(rows);
  for (int r = 0; r < rows; r += panel)
    for (int c = 0; c < cols; c += keys, x += keys * panel) {
      factors(factor, panel, dropout, query + r, key + c, true);
      for (int k = 0; k < keys; ++k)
        for (int i = 0; i < panel; ++i) x[k * panel + i] *= factor[k][i];
    }
}

void drop_transposed(float* x, int rows, int cols, const Dropout& dropout, std::int64_t query,
                     std::int64_t key) {
  float factor[keys][max_rows];
  const int panel = panel_rows(rows), counters = panel / keys;
  for (int r = 0; r < rows; r += panel)
    for (int c = 0; c < cols; ++c, x += panel) {
      factors(factor, counters, dropout, query + c, key + r, false);
      for (int i = 0; i < counters; ++i)
        for (int k = 0; k < keys; ++k) x[i * keys + k] *= factor[k][i];
    }
}

}  // namespace tile::cpu
