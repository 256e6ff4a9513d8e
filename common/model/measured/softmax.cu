// Softmax of score tiles of 64 × 128 in registers, alone and beside WGMMA, and the whole inner loop
// of FlashAttention-3 without its copies. One SM, a tile per warpgroup.
#include "softmax.cuh"

namespace measured {
namespace {

// Softmax alone, in every warpgroup; or the products of warpgroup 0 beside the softmax of the
// others.
template <bool Rescales, bool BesideProducts>
__global__ void __launch_bounds__(384, 1)
    softmax_loop(const float* scores_in, const uint4* rows, float* out, Window* windows, int tiles,
                 int groups) {
  extern __shared__ unsigned char memory[];
  unsigned char* tile = aligned_tiles(memory);
  copy_swizzled(tile, rows, 128);
  fence_shared_memory();
  const int warpgroup = threadIdx.x / 128;
  __syncthreads();
  if (BesideProducts && warpgroup == 0) {
    const Stopwatch watch;
    const float sum = products_of_one_warpgroup<false>(tile, rows, groups);
    if (threadIdx.x == 0) windows[0] = watch.read();
    out[threadIdx.x] = sum;
    return;
  }
  float scores[tile_scores];
  for (int i = 0; i < tile_scores; ++i) scores[i] = scores_in[i * 128 + threadIdx.x % 128];
  float output[64] = {};
  RowState state;
  const Stopwatch watch;
#pragma unroll 1
  for (int n = 0; n < tiles; ++n) {
    pin(scores);  // as if they were new
    float weights[tile_scores];
    for (int i = 0; i < tile_scores; ++i) weights[i] = scores[i];
    const Rescale rescale = softmax_step(weights, state);
    if constexpr (Rescales) rescale_rows(output, rescale);
    std::uint32_t operand[tile_scores / 2];
    pack(operand, weights);
    for (const std::uint32_t pair : operand) asm volatile("" ::"r"(pair));
    if constexpr (Rescales) pin(output);
  }
  const Window window = watch.read();
  if (threadIdx.x % 128 == 0) windows[warpgroup] = window;
  out[threadIdx.x] = state.sum[0] + state.sum[1];
}

constexpr int softmax_shared_bytes = 128 * 128 + 1024;

struct Scores {
  std::vector<float> values;  // [64 scores of a thread][128 threads]
  std::vector<double> sums;   // of each thread's two rows' own scores, after one tile
};

// In units of the scaled exponent; every thread of a quad gets the same maximum, 0.
Scores make_scores() {
  std::mt19937 random(3);
  Scores scores{std::vector<float>(tile_scores * 128), std::vector<double>(128)};
  for (int i = 0; i < tile_scores; ++i)
    for (int thread = 0; thread < 128; ++thread) {
      const float score = i < 4 ? 0 : -std::abs(normal(random)) * 20;
      scores.values[i * 128 + thread] = score;
      scores.sums[thread] += std::exp2(score * exponent_scale);
    }
  return scores;
}

struct Found {
  Spread products_cycles, softmax_cycles;  // of the whole loops
  double clock_mhz;
  int wrong;
};

template <bool Rescales, bool BesideProducts>
Found run_softmax(int warpgroups, int tiles, int groups) {
  const auto kernel = softmax_loop<Rescales, BesideProducts>;
  allow_shared_memory(kernel, softmax_shared_bytes);
  const Scores scores = make_scores();
  const Operands<Bf16> operands(normal);
  const Buffer<float> scores_in(scores.values);
  Buffer<float> out(warpgroups * 128);
  Buffer<Window> windows(warpgroups);
  std::vector<double> products, softmax;
  double cycles = 0, nanoseconds = 0;
  for (int repeat = -1; repeat < 9; ++repeat) {
    kernel<<<1, warpgroups * 128, softmax_shared_bytes>>>(
        scores_in.data(), operands.right.data(), out.data(), windows.data(), tiles, groups);
    finish_kernel();
    const std::vector<Window> found = windows.read();
    if (repeat < 0) continue;
    products.push_back(static_cast<double>(found.front().cycles));
    softmax.push_back(static_cast<double>(found.back().cycles));
    cycles += static_cast<double>(found.back().cycles);
    nanoseconds += static_cast<double>(found.back().nanoseconds);
  }
  int wrong = 0;
  const std::vector<float> sums = out.read();
  for (int thread = BesideProducts ? 128 : 0; thread < warpgroups * 128; ++thread) {
    const double expected = scores.sums[thread % 128] * tiles;
    wrong += !(std::abs(sums[thread] - expected) <= 1e-3 * expected);
  }
  return {spread(products), spread(softmax), 1e3 * cycles / nanoseconds, wrong};
}

template <bool Rescales>
Figures softmax_alone(int warpgroups) {
  constexpr int tiles = 500;
  const Found found = run_softmax<Rescales, false>(warpgroups, tiles, 0);
  Figures figures;
  figures.add("cycles_per_tile_of_each_warpgroup", found.softmax_cycles / tiles);
  figures.add("cycles_per_tile_of_the_sm", found.softmax_cycles / tiles / warpgroups);
  figures.add("sm_clock_mhz", found.clock_mhz);
  return figures.add(wrong_results, found.wrong);
}

// Both loops side by side. The one that is timed is the shorter one, so that it never runs alone.
Figures softmax_beside_products(int warpgroups) {
  constexpr int tiles = 500, groups = 1000;  // a group is 8 instructions of 64 cycles
  const Found products_alone = run_softmax<false, true>(2, 1, groups);
  const Found products = run_softmax<false, true>(warpgroups, 8 * tiles, groups);
  const Found softmax = run_softmax<false, true>(warpgroups, tiles, 8 * groups);
  Figures figures;
  figures.add("products_alone_cycles_per_instruction", products_alone.products_cycles / groups / 8);
  figures.add("products_cycles_per_instruction", products.products_cycles / groups / 8);
  figures.add("softmax_cycles_per_tile", softmax.softmax_cycles / tiles);
  return figures.add(wrong_results, products.wrong + softmax.wrong);
}

}  // namespace

void measure_softmax(Report& report) {
  for (const int warpgroups : {1, 2, 3}) {
    const std::string suffix =
        "_" + std::to_string(warpgroups) + (warpgroups == 1 ? "_warpgroup" : "_warpgroups");
    report.test("tile_64x128" + suffix, [&] { return softmax_alone<false>(warpgroups); });
    report.test("tile_64x128_and_rescaling_output_64x128" + suffix,
                [&] { return softmax_alone<true>(warpgroups); });
  }
  report.test("one_warpgroup_beside_m64n128k16", [] { return softmax_beside_products(2); });
  report.test("two_warpgroups_beside_m64n128k16", [] { return softmax_beside_products(3); });
  measure_attention_loop(report);
}

}  // namespace measured
