// TMA: how long a tile of bf16 takes from issue to the completion of its barrier, and how many
// bytes per cycle arrive with several tiles in flight. The tensor is [rows, 128] as K and V of one
// head are; a tile is a panel of 64 columns, swizzled by 128 bytes.
#include "asynchronous.cuh"
#include "measure.cuh"

namespace measured {
namespace {

constexpr int row_bytes = 256, panel_columns = 64;
constexpr int tile_bytes(int rows) {
  return rows * panel_columns * 2;
}

CUtensorMap make_map(void* tensor, std::uint64_t rows, std::uint32_t box_rows) {
  void* function = nullptr;
  cudaDriverEntryPointQueryResult found;
  check(cudaGetDriverEntryPointByVersion("cuTensorMapEncodeTiled", &function, 12000,
                                         cudaEnableDefault, &found));
  const auto encode = reinterpret_cast<decltype(&cuTensorMapEncodeTiled)>(function);
  CUtensorMap map;
  const std::uint64_t sizes[] = {2 * panel_columns, rows}, strides[] = {row_bytes};
  const std::uint32_t box[] = {panel_columns, box_rows}, steps[] = {1, 1};
  if (encode(&map, CU_TENSOR_MAP_DATA_TYPE_BFLOAT16, 2, tensor, sizes, strides, box, steps,
             CU_TENSOR_MAP_INTERLEAVE_NONE, CU_TENSOR_MAP_SWIZZLE_128B,
             CU_TENSOR_MAP_L2_PROMOTION_L2_256B, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE))
    throw std::runtime_error("cuTensorMapEncodeTiled failed");
  return map;
}

__device__ unsigned char* aligned(unsigned char* memory) {
  return memory + (1024 - shared_address(memory) % 1024) % 1024;
}

__global__ void fill(uint4* tensor, std::size_t count) {
  const std::size_t step = static_cast<std::size_t>(gridDim.x) * blockDim.x;
  for (std::size_t i = blockIdx.x * blockDim.x + threadIdx.x; i < count; i += step) {
    const auto word = static_cast<std::uint32_t>(i);
    tensor[i] = make_uint4(word * 2654435761u, word, word ^ 0x5bd1e995u, ~word);
  }
}

// One tile after the other, `stride` rows apart; each waited for before the next.
__global__ void single_tiles(const __grid_constant__ CUtensorMap map, std::uint32_t bytes,
                             int stride, int tiles, unsigned* cycles) {
  extern __shared__ unsigned char memory[];
  __shared__ Barrier barrier;
  unsigned char* tile = aligned(memory);
  prefetch_map(map);
  barrier_init(&barrier, 1);
  barrier_init_fence();
  for (int n = 0; n < tiles; ++n) {
    const unsigned long long start = cycle_count();
    barrier_expect(&barrier, bytes);
    copy_tile(tile, map, 0, n * stride, &barrier);
    barrier_wait(&barrier, n % 2);
    cycles[n] = static_cast<unsigned>(cycle_count() - start);
  }
}

// Counts 16-byte pieces of a copied tile that are not where the swizzle puts them.
__global__ void verify_tile(const __grid_constant__ CUtensorMap map, const uint4* tensor, int rows,
                            int first_row, int* wrong) {
  extern __shared__ unsigned char memory[];
  __shared__ Barrier barrier;
  unsigned char* tile = aligned(memory);
  if (threadIdx.x == 0) {
    barrier_init(&barrier, 1);
    barrier_init_fence();
    barrier_expect(&barrier, rows * panel_columns * 2);
    copy_tile(tile, map, panel_columns, first_row, &barrier);
  }
  __syncthreads();
  barrier_wait(&barrier, 0);
  for (int i = threadIdx.x; i < rows * 8; i += blockDim.x) {
    const int row = i / 8, piece = i % 8;
    const uint4 found = *reinterpret_cast<uint4*>(tile + row * 128 + (piece ^ row % 8) * 16);
    const uint4 expected = tensor[(first_row + row) * 16ull + 8 + piece];
    if (found.x != expected.x || found.w != expected.w) atomicAdd(wrong, 1);
  }
}

// Every block copies its own tiles, `InFlight` at a time, and never reads them. One warp waits for
// each tile, and one of its lanes starts the next copy into the same place.
template <int InFlight>
__global__ void streams(const __grid_constant__ CUtensorMap map, int rows, int rounds, int all_rows,
                        Window* windows) {
  extern __shared__ unsigned char memory[];
  __shared__ Barrier barriers[InFlight];
  unsigned char* slots = aligned(memory);
  const int bytes = rows * panel_columns * 2, step = gridDim.x * rows;
  if (elected()) {
    prefetch_map(map);
    for (Barrier& barrier : barriers) barrier_init(&barrier, 1);
    barrier_init_fence();
  }
  __syncwarp();
  int row = blockIdx.x * rows;
  const auto start_copy = [&](int slot) {
    if (elected()) {
      barrier_expect(&barriers[slot], bytes);
      copy_tile(slots + slot * bytes, map, slot % 2 * panel_columns, row, &barriers[slot]);
    }
    if (slot % 2 == 1 || InFlight == 1)
      row = row + step < all_rows ? row + step : row + step - all_rows;
  };
  const Stopwatch watch;
#pragma unroll
  for (int slot = 0; slot < InFlight; ++slot) start_copy(slot);
#pragma unroll 1
  for (int round = 0; round < rounds; ++round)
#pragma unroll
    for (int slot = 0; slot < InFlight; ++slot) {
      barrier_wait(&barriers[slot], round % 2);
      if (round + 1 < rounds) start_copy(slot);
    }
  const Window window = watch.read();
  if (threadIdx.x == 0) windows[blockIdx.x] = window;
}

struct Tensor {
  explicit Tensor(std::size_t bytes) : data(bytes / sizeof(uint4)) {
    fill<<<multiprocessors() * 8, 256>>>(data.data(), data.size());
    finish_kernel();
  }
  std::uint64_t rows() const { return data.size() * sizeof(uint4) / row_bytes; }
  Buffer<uint4> data;
};

// Cold: every tile is new, and was last touched a gigabyte of writes ago.
Figures tile_latency(const Tensor& tensor, int rows, bool cold) {
  constexpr int tiles = 512;
  const int stride = cold ? 512 : 0;  // rows; 128 KB
  const int shared = tile_bytes(rows) + 1024;
  const CUtensorMap map = make_map(tensor.data.data(), tensor.rows(), rows);
  allow_shared_memory(single_tiles, shared);
  allow_shared_memory(verify_tile, shared);
  Buffer<unsigned> cycles(tiles);
  Buffer<int> wrong(1);
  if (cold) const Tensor evicts(1ull << 30);
  single_tiles<<<1, 1, shared>>>(map, tile_bytes(rows), stride, tiles, cycles.data());
  finish_kernel();
  const std::vector<unsigned> found = cycles.read();
  verify_tile<<<1, 128, shared>>>(map, tensor.data.data(), rows, 3 * rows, wrong.data());
  finish_kernel();
  std::vector<double> latencies(found.begin() + tiles / 8, found.end());
  std::sort(latencies.begin(), latencies.end());
  Figures figures;
  figures.add("cycles", spread(latencies));
  figures.add("cycles_tenth_percentile", latencies[latencies.size() / 10]);
  figures.add("cycles_ninetieth_percentile", latencies[latencies.size() * 9 / 10]);
  return figures.add(wrong_results, wrong.read()[0]);
}

// Of tiles within the first `bytes` of the tensor.
template <int InFlight>
Figures throughput(const Tensor& tensor, std::size_t bytes, int blocks, int rows) {
  const int shared = InFlight * tile_bytes(rows) + 1024;
  const int all_rows = static_cast<int>(bytes / row_bytes);
  const int rounds = std::max(2000, 2 * all_rows / rows / blocks) / InFlight;
  const CUtensorMap map = make_map(tensor.data.data(), tensor.rows(), rows);
  allow_shared_memory(streams<InFlight>, shared);
  const auto launch = [&](Window* windows) {
    streams<InFlight><<<blocks, 32, shared>>>(map, rows, rounds, all_rows, windows);
  };
  const double copied = 1.0 * rounds * InFlight * tile_bytes(rows);
  const Timing timing = time_in_kernel(launch, blocks, 5);
  Figures figures;
  figures.add("bytes_per_cycle_per_sm", rate(copied, timing.cycles));
  figures.add("cycles_per_tile", timing.cycles / (1.0 * rounds * InFlight));
  if (blocks > 1) {
    const Buffer<Window> windows(blocks);
    const Spread seconds = seconds_by_events([&] { launch(windows.data()); }, 5);
    figures.add("terabytes_per_second", rate(1e-12 * copied * blocks, seconds));
  }
  return figures.add("sm_clock_mhz", timing.clock_mhz);
}

template <int... InFlight>
void measure_throughput(Report& report, const Tensor& tensor, const std::string& name,
                        std::size_t bytes, int blocks, int rows) {
  (report.test(name + "_" + std::to_string(InFlight) + "_tiles_of_" + std::to_string(rows) + "x64",
               [&] { return throughput<InFlight>(tensor, bytes, blocks, rows); }),
   ...);
}

}  // namespace

void measure_copies(Report& report) {
  const Tensor tensor(4ull << 30);
  for (const int rows : {8, 64, 128}) {
    const std::string tile = "tile_" + std::to_string(rows) + "x64";
    report.test(tile + "_latency_from_l2", [&] { return tile_latency(tensor, rows, false); });
    report.test(tile + "_latency_from_hbm", [&] { return tile_latency(tensor, rows, true); });
  }
  const int sms = multiprocessors();
  for (const int rows : {8, 64, 128})
    measure_throughput<1, 2, 4, 8, 12>(report, tensor, "one_sm_from_l2", 4 << 20, 1, rows);
  measure_throughput<2, 12>(report, tensor, "one_sm_from_hbm", 256 << 20, 1, 128);
  measure_throughput<2, 4, 8>(report, tensor, "all_sms_from_l2", 16 << 20, sms, 128);
  measure_throughput<2, 4, 8>(report, tensor, "all_sms_from_hbm", 4ull << 30, sms, 128);
}

}  // namespace measured
