// Bandwidth of HBM, L2 and shared memory, and of reductions, with plain 16-byte accesses.
#include "measure.cuh"

namespace measured {
namespace {

constexpr int threads = 256, blocks_per_sm = 8, unrolled = 4;

std::size_t grid_threads() {
  return std::size_t{threads} * blocks_per_sm * multiprocessors();
}
// Vectors in about so many bytes that fill whole rounds of the grid.
std::size_t whole_rounds(double bytes) {
  const std::size_t round = grid_threads() * unrolled;
  return std::max<std::size_t>(1, static_cast<std::size_t>(bytes / 16) / round) * round;
}

// Calls `body` with the index of each vector, four in a row from the same thread's stride.
template <class Body>
__device__ void for_each_vector(std::size_t count, Body body) {
  const std::size_t step = static_cast<std::size_t>(gridDim.x) * blockDim.x;
  for (std::size_t i = blockIdx.x * blockDim.x + threadIdx.x; i < count; i += unrolled * step)
#pragma unroll
    for (int u = 0; u < unrolled; ++u) body(i + u * step);
}

__global__ void read(const uint4* data, std::size_t count, int passes, unsigned* sum) {
  unsigned total = 0;
  for (int pass = 0; pass < passes; ++pass) {
    const std::size_t step = static_cast<std::size_t>(gridDim.x) * blockDim.x;
    for (std::size_t i = blockIdx.x * blockDim.x + threadIdx.x; i < count; i += unrolled * step) {
      uint4 values[unrolled];
#pragma unroll
      for (int u = 0; u < unrolled; ++u)  // past the L1, and again in every pass
        asm volatile("ld.global.cg.v4.u32 {%0, %1, %2, %3}, [%4];"
                     : "=r"(values[u].x), "=r"(values[u].y), "=r"(values[u].z), "=r"(values[u].w)
                     : "l"(data + i + u * step)
                     : "memory");
#pragma unroll
      for (const uint4& value : values) total += value.x + value.y + value.z + value.w;
    }
  }
  atomicAdd(sum, total);
}

__global__ void write(uint4* data, std::size_t count) {
  for_each_vector(count, [&](std::size_t i) { data[i] = make_uint4(1, 2, 3, 4); });
}

__global__ void copy(const uint4* from, uint4* to, std::size_t count) {
  const std::size_t step = static_cast<std::size_t>(gridDim.x) * blockDim.x;
  for (std::size_t i = blockIdx.x * blockDim.x + threadIdx.x; i < count; i += unrolled * step) {
    uint4 values[unrolled];
#pragma unroll
    for (int u = 0; u < unrolled; ++u) values[u] = __ldcs(from + i + u * step);
#pragma unroll
    for (int u = 0; u < unrolled; ++u) __stcs(to + i + u * step, values[u]);
  }
}

__global__ void add_floats(float* data, std::size_t count) {
  const std::size_t step = static_cast<std::size_t>(gridDim.x) * blockDim.x;
  for (std::size_t i = blockIdx.x * blockDim.x + threadIdx.x; i < count; i += step)
    asm volatile("red.global.add.f32 [%0], %1;" ::"l"(data + i), "f"(1.0f) : "memory");
}

__global__ void add_vectors(float4* data, std::size_t count) {
  for_each_vector(count, [&](std::size_t i) {
    asm volatile("red.global.add.v4.f32 [%0], {%1, %1, %1, %1};" ::"l"(data + i), "f"(1.0f)
                 : "memory");
  });
}

__global__ void read_shared(unsigned* out, Window* windows, int rounds) {
  __shared__ uint4 memory[1024];
  for (int i = threadIdx.x; i < 1024; i += blockDim.x) memory[i] = make_uint4(i, 1, 1, 1);
  const auto address =
      static_cast<std::uint32_t>(__cvta_generic_to_shared(memory)) + threadIdx.x % 512 * 16;
  unsigned total = 0;
  __syncthreads();
  const Stopwatch watch;
#pragma unroll 1
  for (int round = 0; round < rounds; ++round) {
    uint4 values[8];
#pragma unroll
    for (int u = 0; u < 8; ++u)
      asm volatile("ld.volatile.shared.v4.u32 {%0, %1, %2, %3}, [%4];"
                   : "=r"(values[u].x), "=r"(values[u].y), "=r"(values[u].z), "=r"(values[u].w)
                   : "r"(address + u * 1024)
                   : "memory");
    for (const uint4& value : values) total += value.x ^ value.y ^ value.z ^ value.w;
  }
  __syncthreads();
  if (threadIdx.x == 0) *windows = watch.read();
  out[threadIdx.x] = total;
}

template <class Launch>
Figures bandwidth(double bytes, Launch launch) {
  Figures figures;
  return figures.add("terabytes_per_second", rate(1e-12 * bytes, seconds_by_events(launch, 7)));
}

Figures read_bandwidth(double bytes, int passes) {
  const std::size_t count = whole_rounds(bytes);
  const int blocks = blocks_per_sm * multiprocessors();
  const Buffer<uint4> data(count);
  write<<<blocks, threads>>>(data.data(), count);
  Buffer<unsigned> sum(1);
  Figures figures = bandwidth(16.0 * count * passes, [&] {
    read<<<blocks, threads>>>(data.data(), count, passes, sum.data());
  });
  figures.add("buffer_bytes", 16.0 * count);
  const auto expected = static_cast<unsigned>(10 * count * passes * 8);  // 8 launches of 1+2+3+4
  return figures.add(wrong_results, sum.read()[0] != expected);
}

Figures write_bandwidth() {
  const Buffer<uint4> data(whole_rounds(4e9));
  return bandwidth(16.0 * data.size(), [&] {
    write<<<blocks_per_sm * multiprocessors(), threads>>>(data.data(), data.size());
  });
}

Figures copy_bandwidth() {
  const Buffer<uint4> from(whole_rounds(4e9)), to(from.size());
  return bandwidth(32.0 * from.size(), [&] {
    copy<<<blocks_per_sm * multiprocessors(), threads>>>(from.data(), to.data(), from.size());
  });
}

// `vectors`: four floats by one instruction.
Figures add_rate(double bytes, bool vectors) {
  const Buffer<float4> data(whole_rounds(bytes));
  const std::size_t floats = 4 * data.size();
  const int blocks = blocks_per_sm * multiprocessors();
  const Spread seconds = seconds_by_events(
      [&] {
        if (vectors)
          add_vectors<<<blocks, threads>>>(data.data(), data.size());
        else
          add_floats<<<blocks, threads>>>(reinterpret_cast<float*>(data.data()), floats);
      },
      7);
  float first = 0;
  check(cudaMemcpy(&first, data.data(), sizeof first, cudaMemcpyDeviceToHost));
  Figures figures;
  figures.add("billion_additions_per_second", rate(1e-9 * floats, seconds));
  return figures.add(wrong_results, first != 8);  // launches
}

Figures shared_bandwidth(int block_threads) {
  constexpr int rounds = 4096;
  Buffer<unsigned> out(block_threads);
  const Timing timing = time_in_kernel(
      [&](Window* windows) { read_shared<<<1, block_threads>>>(out.data(), windows, rounds); });
  Figures figures;
  figures.add("bytes_per_cycle_per_sm", rate(16.0 * 8 * rounds * block_threads, timing.cycles));
  return figures.add("sm_clock_mhz", timing.clock_mhz);
}

}  // namespace

void measure_bandwidth(Report& report) {
  report.test("read_hbm", [] { return read_bandwidth(8e9, 1); });
  report.test("read_l2_17_mb", [] { return read_bandwidth(18e6, 100); });
  report.test("read_l2_35_mb", [] { return read_bandwidth(35e6, 100); });
  report.test("write_hbm", write_bandwidth);
  report.test("copy_hbm_counting_reads_and_writes", copy_bandwidth);
  for (const int count : {128, 256, 512, 1024})
    report.test("read_shared_memory_" + std::to_string(count) + "_threads",
                [&] { return shared_bandwidth(count); });
  report.test("reduce_add_f32_to_l2", [] { return add_rate(18e6, false); });
  report.test("reduce_add_f32_to_hbm", [] { return add_rate(2e9, false); });
  report.test("reduce_add_v4_f32_to_l2", [] { return add_rate(18e6, true); });
  report.test("reduce_add_v4_f32_to_hbm", [] { return add_rate(2e9, true); });
}

}  // namespace measured
