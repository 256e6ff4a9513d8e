// `ladder experiment cpu_tile`: what the operations on a tile cost on one core, and so what the
// whole can reach at most.
#include <algorithm>
#include <functional>

#include "bench/experiments/experiment.h"
#include "bench/peaks.h"
#include "bench/timing.h"
#include "tile/aligned.h"
#include "tile/cpu/simd/products.h"
#include "tile/cpu/simd/row_operations.h"
#include "tile/cpu/simd/simd.h"

namespace flash {
namespace {

using namespace tile::cpu;

constexpr int query_rows = 128, key_rows = 64, rounds = 31;

// A query tile and a key tile of one head in memory of their own.
struct TimedTiles {
  explicit TimedTiles(int head_dim) : d(head_dim) { std::fill_n(memory.get(), floats, 0.001f); }
  static constexpr int largest = query_rows * 128, floats = 6 * largest;

  int d;
  tile::AlignedBuffer<float> memory = tile::make_aligned<float>(floats);
  float *Q = memory.get(), *O = Q + largest, *S = O + largest, *K = S + largest, *V = K + largest,
        *rows = V + largest;

  Fp32Rows copied(const float* tile) const { return {tile, copied_row_stride(d)}; }
  double product_flops() const { return 2.0 * query_rows * key_rows * d; }
};

struct Part {
  const char* name;
  double flops;  // 0: it is stated as a share of the time of both products at the peak
  std::function<void()> run;
};

std::vector<Part> parts(const TimedTiles& t) {
  constexpr int panel = vector_block * lanes;
  const Product block = {Update::overwrite, t.S, t.Q, panel, 2 * column_block, t.d, t.rows};
  const Product scores = {Update::overwrite, t.S, t.Q, query_rows, key_rows, t.d, t.rows};
  const Product output = {Update::rescale, t.O, t.S, query_rows, t.d, key_rows, t.rows};
  return {
      {"a register block, operands in the first cache", 2.0 * panel * 2 * column_block * t.d,
       [&t, block] { multiply_ABt(block, t.copied(t.K), {}); }},
      {"S = Q K\u1d40", t.product_flops(),
       [&t, scores] { multiply_ABt(scores, t.copied(t.K), {}); }},
      {"O = diag(r) O + P V", t.product_flops(),
       [&t, output] { multiply_AB(output, t.copied(t.V), {}); }},
      {"row maxima", 0, [&t] { row_maxima(t.rows, t.S, query_rows, key_rows); }},
      {"exponentials and row sums", 0,
       [&t] { exp2_of_difference(t.S, query_rows, key_rows, t.rows, 1e-3f, t.rows + query_rows); }},
      {"a copy of K and V", 0,
       [&t] {
         for (int r = 0; r < 2 * key_rows; ++r)
           std::copy_n(t.Q + r * t.d, t.d, t.K + r * copied_row_stride(t.d));
       }},
  };
}

// The median over all rounds of the share of the peak, or of the time of the products at the peak.
// The peak is measured beside each: a processor changes its clock.
double share(const Part& part, const TimedTiles& tiles) {
  constexpr int repeats = 100;
  std::vector<double> shares;
  for (int round = -1; round < rounds; ++round) {  // the first warms up
    const double before = seconds_of(fma_chains().run);
    const double seconds = seconds_of([&] {
                             for (int i = 0; i < repeats; ++i) part.run();
                           }) /
                           repeats;
    const double peak = fma_chains().flops / ((before + seconds_of(fma_chains().run)) / 2);
    const double flops = part.flops > 0 ? part.flops : 2 * tiles.product_flops();
    if (round >= 0)
      shares.push_back(part.flops > 0 ? flops / seconds / peak : seconds / (flops / peak));
  }
  return median(shares);
}

std::string percent(double x) {
  char text[16];
  std::snprintf(text, sizeof text, "%.1f %%", 100 * x);
  return text;
}

// Of a whole loop of such parts: both products and the softmax between them.
double attainable(const std::vector<double>& shares) {
  return 1 / ((1 / shares[1] + 1 / shares[2]) / 2 + shares[3] + shares[4]);
}

}  // namespace

int cpu_tile_experiment(const ExperimentOptions& options, const Environment& environment) {
  const TimedTiles small(64), large(128);
  const std::vector<Part> of_small = parts(small), of_large = parts(large);
  std::vector<double> small_shares, large_shares;
  Figures figures = {.facts = {{"experiment", "cpu_tile"}}, .figures = {}};
  TextTable table({{"", true}, {"d = 64"}, {"d = 128"}, {"of", true}});
  const auto add = [&](const char* name, double at_64, double at_128, const char* of) {
    table.add_row({{name}, {percent(at_64)}, {percent(at_128)}, {of}});
    figures.figures.push_back({{"name", name}, {"share_64", at_64}, {"share_128", at_128}});
  };
  for (std::size_t i = 0; i < of_small.size(); ++i) {
    small_shares.push_back(share(of_small[i], small));
    large_shares.push_back(share(of_large[i], large));
    add(of_small[i].name, small_shares[i], large_shares[i],
        of_small[i].flops > 0 ? "the FMA peak" : "the products' time at the peak");
  }
  add("both products and the softmax, one after the other", attainable(small_shares),
      attainable(large_shares), "the FMA peak");
  environment.out << paragraph(environment.terminal, "",
                               "One core, f32, a tile of 128 queries and one of 64 keys, all of it "
                               "in the core's own caches.")
                  << "\n"
                  << table.text(environment.terminal);
  write_figures(options.json, figures, table);
  return 0;
}

}  // namespace flash
