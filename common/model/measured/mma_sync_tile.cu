// Q K^T and P V with mma.sync, operands from shared memory, without a softmax; what they and the
// instructions of a softmax do to each other; and the inner loop of FlashAttention-2 without its
// copies.
#include "mma_sync_tile.cuh"
#include "operations.cuh"

namespace measured {
namespace {

// P is `one` everywhere.
template <class S, bool QK, bool PV>
__device__ void products_of_one_group(Scores<S>& s, Output<S>& o, const SharedTiles<S>& tiles,
                                      std::uint32_t ones, int rounds) {
  std::uint32_t p[4];
  for (std::uint32_t& pair : p) asm volatile("mov.b32 %0, %1;" : "=r"(pair) : "r"(ones));
#pragma unroll 1
  for (int round = 0; round < rounds; ++round) {
    if constexpr (QK) multiply_qk<S>(s, tiles);
    if constexpr (PV)
      multiply_pv<S>(
          o, [&](int, int) -> const std::uint32_t(&)[4] { return p; }, tiles);
  }
}

__device__ float unscaled(int, int) {
  return 1;
}

template <class S, bool QK, bool PV>
__global__ void __launch_bounds__(256, 1)
    tile_products(const std::uint16_t* values, float* scores, float* output, Window* windows,
                  std::uint32_t ones, int rounds) {
  extern __shared__ __align__(1024) unsigned char memory[];
  const SharedTiles<S> tiles(memory, values);
  Scores<S> s = {};
  Output<S> o = {};
  __syncthreads();
  const Stopwatch watch;
  products_of_one_group<S, QK, PV>(s, o, tiles, ones, rounds);
  __syncthreads();
  if (threadIdx.x == 0) *windows = watch.read();
  write_rows<S, S::keys>(scores, s, unscaled);
  write_rows<S, S::head_dim>(output, o, unscaled);
}

template <class S, bool QK, bool PV>
Figures measure_tile(int blocks) {
  constexpr int rounds = 512;
  constexpr std::uint32_t ones = 0x3f803f80;
  const TileValues<S> tiles;
  Buffer<float> scores(S::queries * S::keys), output(S::queries * S::head_dim);
  const auto kernel = tile_products<S, QK, PV>;
  allow_shared_memory(kernel, blocks * S::block_bytes);
  const auto launch = [&](Window* windows, int times) {
    kernel<<<1, blocks * 128, blocks * S::block_bytes>>>(tiles.values->data(), scores.data(),
                                                         output.data(), windows, ones, times);
  };
  const Timing timing = time_in_kernel([&](Window* windows) { launch(windows, rounds); });
  Buffer<Window> window(1);
  launch(window.data(), 1);
  finish_kernel();
  int wrong = 0;
  if (QK) wrong += tiles.wrong_scores(scores.read());
  if (PV) wrong += tiles.wrong_output(output.read());
  const Spread cycles = timing.cycles / (1.0 * rounds * blocks);
  const double operations = S::operations * (QK && PV ? 1 : 0.5);
  Figures figures;
  figures.add("cycles_per_tile", cycles);
  figures.add("operations_per_cycle", operations / cycles.median);
  return figures.add("sm_clock_mhz", timing.clock_mhz).add(wrong_results, wrong);
}

// ---------------------------------------------------------------- beside other instructions

using Middle = Shape<128, 64, 2>;

// The first group multiplies, the others apply the operation.
template <class Operation>
__global__ void __launch_bounds__(256, 1)
    beside_mma_sync(const std::uint16_t* values, const float* start, float* out, Window* windows,
                    std::uint32_t ones, int rounds, int tiles_multiplied) {
  extern __shared__ __align__(1024) unsigned char memory[];
  const int group = threadIdx.x / 128;
  if (group == 0) {
    const SharedTiles<Middle> tiles(memory, values);
    Scores<Middle> s = {};
    Output<Middle> o = {};
    __syncthreads();
    const Stopwatch watch;
    products_of_one_group<Middle, true, true>(s, o, tiles, ones, tiles_multiplied);
    if (threadIdx.x == 0) windows[0] = watch.read();
    write_rows<Middle, Middle::keys>(out, s, unscaled);
    write_rows<Middle, Middle::head_dim>(out, o, unscaled);
    return;
  }
  float x[8];
  for (float& value : x) value = start[threadIdx.x % 32];
  const float a = start[32], b = start[33];
  __syncthreads();
  const Stopwatch watch;
  apply_rounds<Operation>(x, a, b, rounds);
  const Window window = watch.read();
  if (threadIdx.x % 128 == 0) windows[group] = window;
  float sum = 0;
  for (const float value : x) sum += value;
  out[Middle::queries * Middle::head_dim + threadIdx.x] = sum;
}

struct Cycles {
  double products, operations;
};

template <class Operation>
Cycles run_beside(int rounds, int tiles_multiplied) {
  const auto kernel = beside_mma_sync<Operation>;
  allow_shared_memory(kernel, Middle::block_bytes);
  const TileValues<Middle> tiles;
  const Buffer<float> start(start_values());
  Buffer<float> out(Middle::queries * Middle::head_dim + 256);
  Buffer<Window> windows(2);
  std::vector<double> products, operations;
  for (int repeat = -1; repeat < 5; ++repeat) {
    kernel<<<1, 256, Middle::block_bytes>>>(tiles.values->data(), start.data(), out.data(),
                                            windows.data(), 0x3f803f80, rounds, tiles_multiplied);
    finish_kernel();
    if (repeat < 0) continue;
    const std::vector<Window> found = windows.read();
    products.push_back(static_cast<double>(found[0].cycles));
    operations.push_back(static_cast<double>(found[1].cycles));
  }
  return {spread(products).median, spread(operations).median};
}

// The loop that is timed is the shorter one, so that it never runs alone.
template <class Operation>
Figures measure_beside() {
  constexpr int rounds = 1024, tiles = 1024;  // many: the first ones wait for the code itself
  constexpr double results = 128.0 * 256 * rounds * Operation::results / Operation::instructions;
  Figures figures;
  figures.add("results_per_cycle_alone", results / run_beside<Operation>(rounds, 0).operations);
  figures.add("results_per_cycle_beside_products",
              results / run_beside<Operation>(rounds, 2 * tiles).operations);
  figures.add("products_alone_cycles_per_tile", run_beside<Operation>(1, tiles).products / tiles);
  return figures.add("products_cycles_per_tile",
                     run_beside<Operation>(200 * rounds, tiles).products / tiles);
}

// ---------------------------------------------------------------- the inner loop

// Every tile of keys is the same one, so that the output is known.
template <class S>
__global__ void __launch_bounds__(256, 1)
    flash_attention_2_loop(const std::uint16_t* values, float* out, Window* windows, int rounds) {
  extern __shared__ __align__(1024) unsigned char memory[];
  const SharedTiles<S> tiles(memory, values);
  Output<S> o = {};
  RowState state[S::r];
  __syncthreads();
  const Stopwatch watch;
#pragma unroll 1
  for (int round = 0; round < rounds; ++round) {
    Scores<S> s = {};
    multiply_qk<S>(s, tiles);
    std::uint32_t p[S::r][S::keys / 16][4];
#pragma unroll
    for (int r = 0; r < S::r; ++r) {
      const Rescale rescale = softmax_step(s[r], state[r]);
      pack(reinterpret_cast<std::uint32_t(&)[S::keys / 4]>(p[r]), s[r]);
      rescale_rows(o[r], rescale);
    }
    multiply_pv<S>(
        o, [&](int r, int step) -> const std::uint32_t(&)[4] { return p[r][step]; }, tiles);
  }
  __syncthreads();
  if (threadIdx.x == 0) *windows = watch.read();
  for (RowState& of_rows : state)
    for (float& sum : of_rows.sum)
      for (const int lane : {1, 2}) sum += __shfl_xor_sync(~0u, sum, lane);
  write_rows<S, S::head_dim>(out, o, [&](int r, int row) { return 1 / state[r].sum[row]; });
}

template <class S>
Figures measure_loop(int blocks) {
  constexpr int rounds = 300;
  const TileValues<S> tiles;
  Buffer<float> out(S::queries * S::head_dim);
  const auto kernel = flash_attention_2_loop<S>;
  allow_shared_memory(kernel, blocks * S::block_bytes);
  const Timing timing = time_in_kernel([&](Window* windows) {
    kernel<<<1, blocks * 128, blocks * S::block_bytes>>>(tiles.values->data(), out.data(), windows,
                                                         rounds);
  });
  const Spread cycles = timing.cycles / (1.0 * rounds * blocks);
  Figures figures;
  figures.add("cycles_per_tile", cycles);
  figures.add("operations_per_cycle", S::operations / cycles.median);
  return figures.add(wrong_results, tiles.wrong_attention(out.read()));
}

template <class S>
void measure_shape(Report& report) {
  const std::string tile = std::to_string(S::queries) + "x" + std::to_string(S::keys) +
                           "_head_dim_" + std::to_string(S::head_dim);
  for (const int blocks : {1, 2}) {
    const std::string end = "_" + std::to_string(blocks) + (blocks == 1 ? "_block" : "_blocks");
    report.test("qk_" + tile + end, [&] { return measure_tile<S, true, false>(blocks); });
    report.test("pv_" + tile + end, [&] { return measure_tile<S, false, true>(blocks); });
    report.test("qk_and_pv_" + tile + end, [&] { return measure_tile<S, true, true>(blocks); });
    report.test("attention_loop_" + tile + end, [&] { return measure_loop<S>(blocks); });
  }
}

template <class... Operation>
void measure_operations(Report& report) {
  (report.test(std::string("beside_qk_and_pv_") + Operation::name, measure_beside<Operation>), ...);
}

}  // namespace

void measure_mma_sync_tile(Report& report) {
  measure_shape<Shape<64, 128, 2>>(report);
  measure_shape<Shape<128, 64, 2>>(report);
  measure_shape<Shape<256, 64, 1>>(report);
  measure_operations<Exp2, MultiplyAdd, Add, Multiply, Maximum, ToBf16, Shuffle>(report);
}

}  // namespace measured
