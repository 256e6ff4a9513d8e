// What the measurements of a GPU's units share: results, medians, and kernels that time themselves.
#pragma once

#include <cuda_runtime.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace measured {

struct Result {
  std::string group, name;
  double value;
  std::string unit;
  double lowest, highest;  // of the repetitions
};

inline std::vector<Result>& results() {
  static std::vector<Result> all;
  return all;
}

inline void require(cudaError_t error, const char* what) {
  if (error == cudaSuccess) return;
  std::fprintf(stderr, "%s: %s\n", what, cudaGetErrorString(error));
  std::exit(1);
}

inline void report(const char* group, const std::string& name, std::vector<double> values,
                   const char* unit) {
  std::sort(values.begin(), values.end());
  const Result result = {group, name,           values[values.size() / 2],
                         unit,  values.front(), values.back()};
  results().push_back(result);
  std::printf("%-10s %-58s %12.3f %-18s [%.3f, %.3f]\n", group, name.c_str(), result.value, unit,
              result.lowest, result.highest);
  std::fflush(stdout);
}

inline int multiprocessors() {
  int count = 0;
  require(cudaDeviceGetAttribute(&count, cudaDevAttrMultiProcessorCount, 0), "multiprocessors");
  return count;
}

// Memory of the GPU, zeroed.
template <class T>
struct Memory {
  explicit Memory(std::size_t count) : size(count) {
    require(cudaMalloc(&data, count * sizeof(T)), "cudaMalloc");
    require(cudaMemset(data, 0, count * sizeof(T)), "cudaMemset");
  }
  ~Memory() { cudaFree(data); }
  Memory(const Memory&) = delete;

  std::vector<T> read() const {
    std::vector<T> host(size);
    require(cudaMemcpy(host.data(), data, size * sizeof(T), cudaMemcpyDeviceToHost), "cudaMemcpy");
    return host;
  }

  T* data = nullptr;
  std::size_t size;
};

// While one exists, measurements of cycles begin with nothing of theirs in L2.
struct ColdCache {
  ColdCache() { current() = this; }
  ~ColdCache() { current() = nullptr; }
  static ColdCache*& current() {
    static ColdCache* one = nullptr;
    return one;
  }
  void evict() const { cudaMemset(other.data, 1, other.size); }

  Memory<char> other{std::size_t{512} << 20};
};

// Milliseconds of what `work` puts into the stream.
template <class Work>
double milliseconds(const Work& work) {
  cudaEvent_t begin, end;
  cudaEventCreate(&begin);
  cudaEventCreate(&end);
  cudaEventRecord(begin);
  work();
  cudaEventRecord(end);
  require(cudaEventSynchronize(end), "kernel");
  float elapsed = 0;
  cudaEventElapsedTime(&elapsed, begin, end);
  cudaEventDestroy(begin);
  cudaEventDestroy(end);
  return elapsed;
}

// Runs a kernel that writes the cycles of its work to its first argument, several times: one block
// of `threads` on one multiprocessor. Each value is cycles / `per`.
template <class Kernel, class... Arguments>
std::vector<double> cycles(Kernel kernel, int threads, std::size_t shared_bytes, double per,
                           Arguments... arguments) {
  constexpr int repetitions = 15;
  Memory<long long> elapsed(1);
  cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                       static_cast<int>(shared_bytes));
  std::vector<double> values;
  for (int i = -2; i < repetitions; ++i) {  // the first two warm up
    if (ColdCache::current()) ColdCache::current()->evict();
    kernel<<<1, threads, shared_bytes>>>(elapsed.data, arguments...);
    require(cudaDeviceSynchronize(), "kernel");
    if (i >= 0) values.push_back(static_cast<double>(elapsed.read()[0]) / per);
  }
  return values;
}

// From the first thread's start to the last one's end, for a kernel of one block.
struct Timer {
  long long begin;
  __device__ Timer() {
    __syncthreads();
    begin = clock64();
  }
  // 0, as the compiler cannot know: work that needs it cannot be moved before the first clock. A
  // result that is stored cannot be moved behind the barrier before the second.
  __device__ float zero() const { return begin == 1 ? 1.0f : 0.0f; }
  __device__ void stop(long long* elapsed) const {
    __syncthreads();
    if (threadIdx.x == 0) *elapsed = clock64() - begin;
  }
};

void measure_tensor_cores();
void measure_lanes();
void measure_copies();
void measure_barriers();
void measure_memory();
void measure_launches();

}  // namespace measured
