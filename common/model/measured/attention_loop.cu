// The inner loop of FlashAttention-3 for head_dim 128 and key tiles of 128 rows, without its
// copies: two warpgroups with 64 query rows each, QKᵀ from shared memory, PV with P in registers.
// Every tile is the same one, so the output is known. V is stored transposed, so that all operands
// are K-major.
#include "softmax.cuh"

namespace measured {
namespace {

constexpr int panel_bytes = 128 * 128;  // 128 rows of 64 bf16 elements
// K and Vᵀ are [128, 128], so two panels each; Q is [64, 128] for each warpgroup.
constexpr int loop_shared_bytes = 4 * panel_bytes + 2 * panel_bytes + 256 * 4 + 1024;

__device__ void wait_for_turn(int warpgroup) {
  asm volatile("bar.sync %0, 256;" ::"r"(1 + warpgroup) : "memory");
}
__device__ void give_turn(int warpgroup) {
  asm volatile("bar.arrive %0, 256;" ::"r"(1 + warpgroup) : "memory");
}

// Where step k of 8 along K lies in a tile of two panels.
__device__ std::uint64_t along(std::uint64_t tile, int step, int rows) {
  return tile + step / 4 * (rows * 128 / 16) + step % 4 * 2;
}

// Overlaps: the softmax of a tile runs while PV of the tile before is in flight.
// PingPong: the warpgroups take turns in issuing their products.
// HoldsWait: a store that needs the sums of a tile stands before the wait for PV. Without it ptxas
// moves the wait up, from behind the exponentials into the search for the maximum.
template <bool Overlaps, bool PingPong, bool HoldsWait>
__global__ void __launch_bounds__(256, 1)
    attention_loop(const uint4* queries, const uint4* keys, const uint4* values, float* out,
                   Window* windows, int tiles) {
  extern __shared__ unsigned char memory[];
  unsigned char* tile_keys = aligned_tiles(memory);
  unsigned char* tile_values = tile_keys + 2 * panel_bytes;
  unsigned char* tile_queries = tile_values + 2 * panel_bytes;
  copy_swizzled(tile_keys, keys, 256);
  copy_swizzled(tile_values, values, 256);
  copy_swizzled(tile_queries, queries, 256);
  fence_shared_memory();
  const int warpgroup = threadIdx.x / 128;
  const std::uint64_t q = descriptor(tile_queries + warpgroup * panel_bytes);
  const std::uint64_t k = descriptor(tile_keys), v = descriptor(tile_values);
  __syncthreads();

  volatile float* sums = reinterpret_cast<float*>(tile_queries + 2 * panel_bytes);

  float scores[tile_scores], output[64] = {};
  std::uint32_t weights[16 / 2][4] = {};  // P of the tile before, by steps of 16 keys
  RowState state;
  if (PingPong && warpgroup == 1) give_turn(0);
  const Stopwatch watch;
#pragma unroll 1
  for (int n = 0; n < tiles; ++n) {
    if constexpr (PingPong) wait_for_turn(warpgroup);
    wgmma_fence();
    Wgmma<Bf16, 128>::shared<false>(scores, q, k);
#pragma unroll
    for (int step = 1; step < 8; ++step)
      Wgmma<Bf16, 128>::shared(scores, along(q, step, 64), along(k, step, 128));
    wgmma_commit();
#pragma unroll
    for (int step = 0; step < 8; ++step)
      Wgmma<Bf16, 128>::registers(output, weights[step], along(v, step, 128));
    wgmma_commit();
    if constexpr (PingPong) give_turn(1 - warpgroup);
    wgmma_wait<Overlaps ? 1 : 0>(scores);
    const Rescale rescale = softmax_step(scores, state);
    if constexpr (HoldsWait) sums[threadIdx.x] = state.sum[0] + state.sum[1];
    wgmma_wait<0>(output);
    pack(reinterpret_cast<std::uint32_t(&)[32]>(weights), scores);
    rescale_rows(output, rescale);
  }
  const Window window = watch.read();
  if (PingPong && warpgroup == 0) wait_for_turn(0);  // the last one that was given
  if (threadIdx.x == 0) windows[0] = window;

  const int row = threadIdx.x / 32 * 16 + threadIdx.x % 32 / 4;
  for (int r = 0; r < 2; ++r)
    for (const int lane : {1, 2}) state.sum[r] += __shfl_xor_sync(~0u, state.sum[r], lane);
  for (int i = 0; i < 64; ++i)  // P of the last tile has not been multiplied
    out[(row + row_of(i) * 8) * 128 + i / 4 * 8 + threadIdx.x % 4 * 2 + i % 2] =
        output[i] / state.sum[row_of(i)] * tiles / (tiles - 1);
}

// Two panels of 64 columns, one behind the other, as copy_swizzled takes them.
std::vector<uint4> panels(const std::vector<float>& matrix, int rows) {
  std::vector<uint4> packed(rows * 16);
  auto* elements = reinterpret_cast<__nv_bfloat16*>(packed.data());
  for (int row = 0; row < rows; ++row)
    for (int column = 0; column < 128; ++column)
      elements[(column / 64 * rows + row) * 64 + column % 64] =
          __float2bfloat16(matrix[row * 128 + column]);
  return packed;
}

struct Problem {
  std::vector<float> queries, keys, values_transposed;  // [128, 128]; queries of both warpgroups

  Problem() : queries(draw(4)), keys(draw(5)), values_transposed(draw(6)) {}

  static std::vector<float> draw(unsigned seed) {
    std::mt19937 random(seed);
    std::vector<float> matrix(128 * 128);
    for (float& value : matrix) value = __bfloat162float(__float2bfloat16(normal(random)));
    return matrix;
  }

  std::vector<uint4> packed_queries() const {  // each warpgroup's 64 rows have their own two panels
    std::vector<uint4> packed;
    for (int warpgroup = 0; warpgroup < 2; ++warpgroup) {
      const auto first = queries.begin() + warpgroup * 64 * 128;
      const auto part = panels({first, first + 64 * 128}, 64);
      packed.insert(packed.end(), part.begin(), part.end());
    }
    return packed;
  }

  std::vector<double> output_row(int row) const {
    std::vector<double> output(128);
    double sum = 0;
    for (int key = 0; key < 128; ++key) {
      double score = 0;
      for (int i = 0; i < 128; ++i) score += queries[row * 128 + i] * keys[key * 128 + i];
      const double weight = std::exp2(score * exponent_scale);
      sum += weight;
      for (int i = 0; i < 128; ++i) output[i] += weight * values_transposed[i * 128 + key];
    }
    for (double& value : output) value /= sum;
    return output;
  }
};

template <bool Overlaps, bool PingPong, bool HoldsWait>
Figures measure_loop() {
  constexpr int tiles = 300;
  const auto kernel = attention_loop<Overlaps, PingPong, HoldsWait>;
  allow_shared_memory(kernel, loop_shared_bytes);
  const Problem problem;
  const Buffer<uint4> queries(problem.packed_queries()), keys(panels(problem.keys, 128));
  const Buffer<uint4> values(panels(problem.values_transposed, 128));
  Buffer<float> out(128 * 128);
  const Timing timing = time_in_kernel([&](Window* windows) {
    kernel<<<1, 256, loop_shared_bytes>>>(queries.data(), keys.data(), values.data(), out.data(),
                                          windows, tiles);
  });
  int wrong = 0;
  const std::vector<float> found = out.read();
  for (int row = 0; row < 128; ++row) {
    const std::vector<double> expected = problem.output_row(row);
    for (int i = 0; i < 128; ++i) wrong += !(std::abs(found[row * 128 + i] - expected[i]) <= 0.02);
  }
  const Spread cycles = timing.cycles / tiles;
  Figures figures;
  figures.add("cycles_per_pair_of_tiles", cycles);
  figures.add("share_of_tensor_peak", 2 * 16 * 64 / cycles.median);
  figures.add("sm_clock_mhz", timing.clock_mhz);
  return figures.add(wrong_results, wrong);
}

}  // namespace

void measure_attention_loop(Report& report) {
  report.test("attention_loop_plain", measure_loop<false, false, false>);
  report.test("attention_loop_ping_pong", measure_loop<false, true, false>);
  report.test("attention_loop_overlap", measure_loop<true, false, true>);
  report.test("attention_loop_overlap_and_ping_pong", measure_loop<true, true, true>);
  report.test("attention_loop_overlap_and_ping_pong_wait_moved_up",
              measure_loop<true, true, false>);
}

}  // namespace measured
