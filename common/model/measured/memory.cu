// Latencies and bandwidths of the memories.
#include "measure.h"

namespace measured {
namespace {

constexpr int hops = 512;

// Each element says where the next one is.
__global__ void chase(long long* elapsed, const unsigned* next, unsigned* out) {
  unsigned at = 0;
  for (int i = 0; i < hops; ++i) at = __ldcg(next + at);  // warms the second cache if it fits
  const Timer timer;
  for (int i = 0; i < hops; ++i) at = __ldcg(next + at);
  timer.stop(elapsed);
  *out = at;
}

__global__ void chase_first_cache(long long* elapsed, const unsigned* next, unsigned* out) {
  unsigned at = 0;
  for (int i = 0; i < hops; ++i) at = next[at];
  const Timer timer;
  for (int i = 0; i < hops; ++i) at = next[at];
  timer.stop(elapsed);
  *out = at;
}

__global__ void chase_shared(long long* elapsed, const unsigned*, unsigned* out) {
  __shared__ unsigned next[hops];
  for (int i = threadIdx.x; i < hops; i += blockDim.x) next[i] = (i * 33 + 1) % hops;
  __syncthreads();
  unsigned at = 0;
  const Timer timer;
  for (int i = 0; i < hops; ++i) at = next[at];
  timer.stop(elapsed);
  *out = at;
}

// A walk around `around` elements that lie `step` apart.
Memory<unsigned>* walk(std::size_t step, std::size_t around) {
  std::vector<unsigned> next(step * around);
  for (std::size_t i = 0; i < around; ++i)
    next[i * step] = static_cast<unsigned>((i + 1) % around * step);
  auto* memory = new Memory<unsigned>(next.size());
  cudaMemcpy(memory->data, next.data(), next.size() * 4, cudaMemcpyHostToDevice);
  return memory;
}

__global__ void read_shared(long long* elapsed, float* out) {
  __shared__ float4 data[1024];
  data[threadIdx.x] = {1, 2, 3, 4};
  float sum = 0;
  const Timer timer;
  for (int i = 0; i < hops; ++i) {
    float4 x;
    asm volatile(
        "ld.shared.v4.f32 {%0, %1, %2, %3}, [%4];"
        : "=f"(x.x), "=f"(x.y), "=f"(x.z), "=f"(x.w)
        : "r"(static_cast<unsigned>(__cvta_generic_to_shared(&data[(threadIdx.x + i) % 1024]))));
    sum += x.x + x.y + x.z + x.w;
  }
  timer.stop(elapsed);
  out[threadIdx.x] = sum;
}

__global__ void read_all(const float4* data, std::size_t count, int times, float* out) {
  float sum = 0;
  const std::size_t threads = std::size_t{gridDim.x} * blockDim.x;
  for (int time = 0; time < times; ++time)
    for (std::size_t i = blockIdx.x * std::size_t{blockDim.x} + threadIdx.x; i < count;
         i += 4 * threads) {
      float4 x[4] = {};
#pragma unroll
      for (int k = 0; k < 4; ++k)
        if (i + k * threads < count) x[k] = __ldcg(data + i + k * threads);
#pragma unroll
      for (int k = 0; k < 4; ++k) sum += x[k].x + x[k].y + x[k].z + x[k].w;
    }
  if (sum == 12345.0f) *out = sum;
}

__global__ void write_all(float4* data, std::size_t count) {
  const std::size_t threads = std::size_t{gridDim.x} * blockDim.x;
  for (std::size_t i = blockIdx.x * std::size_t{blockDim.x} + threadIdx.x; i < count; i += threads)
    data[i] = {1, 2, 3, 4};
}

__global__ void add_all(float* data, std::size_t count) {
  const std::size_t threads = std::size_t{gridDim.x} * blockDim.x;
  for (std::size_t i = blockIdx.x * std::size_t{blockDim.x} + threadIdx.x; i < count; i += threads)
    atomicAdd(data + i, 1.0f);
}

template <class Work>
std::vector<double> terabytes_a_second(double bytes, const Work& work) {
  std::vector<double> rate;
  for (int i = -2; i < 9; ++i) {
    const double ms = milliseconds(work);
    if (i >= 0) rate.push_back(bytes / ms * 1e-9);
  }
  return rate;
}

void measure_latencies() {
  Memory<unsigned> out(1);
  const auto take = [&](const char* name, auto kernel, std::size_t step, std::size_t around) {
    Memory<unsigned>* memory = walk(step, around);
    report("memory", name, cycles(kernel, 1, 0, hops, memory->data, out.data), "cycles");
    delete memory;
  };
  take("shared memory, latency", chase_shared, 1, 1);
  take("first cache, latency", chase_first_cache, 32, 256);
  take("L2, latency", chase, 1024, hops);
  const ColdCache cold;
  take("HBM, latency", chase, 1 << 14, 4 * hops);  // does not come back
}

}  // namespace

void measure_memory() {
  measure_latencies();
  Memory<float> out(1024);
  std::vector<double> shared = cycles(read_shared, 1024, 0, 1, out.data);
  for (double& value : shared) value = 1024.0 * 16 * hops / value;
  report("memory", "shared memory, one multiprocessor", shared, "bytes a clock");
  const std::size_t gib = std::size_t{1} << 30;
  Memory<float4> large(4 * gib / 16);
  const int blocks = multiprocessors() * 2;
  report("memory", "HBM, read",
         terabytes_a_second(
             4.0 * gib, [&] { read_all<<<blocks, 1024>>>(large.data, large.size, 1, out.data); }),
         "TB/s");
  report(
      "memory", "HBM, write",
      terabytes_a_second(4.0 * gib, [&] { write_all<<<blocks, 1024>>>(large.data, large.size); }),
      "TB/s");
  report("memory", "HBM, copy (read and written)",
         terabytes_a_second(4.0 * gib,
                            [&] {
                              cudaMemcpyAsync(large.data, large.data + large.size / 2, 2 * gib,
                                              cudaMemcpyDeviceToDevice);
                            }),
         "TB/s");
  const std::size_t fits = (16 << 20) / 16;
  report("memory", "L2, read (16 MB)",
         terabytes_a_second(64.0 * 16 * fits,
                            [&] { read_all<<<blocks, 1024>>>(large.data, fits, 64, out.data); }),
         "TB/s");
  report("memory", "L2, atomicAdd of floats (16 MB)",
         terabytes_a_second(
             16.0 * fits,
             [&] { add_all<<<blocks, 1024>>>(reinterpret_cast<float*>(large.data), 4 * fits); }),
         "TB/s");
}

}  // namespace measured
