// What every measurement needs: a stopwatch inside a kernel, memory on the GPU, medians, and a
// report that is written again after each test, so that a crash loses one test only.
#pragma once

#include <cuda_runtime.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <source_location>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace measured {

inline void check(cudaError_t status,
                  std::source_location where = std::source_location::current()) {
  if (status == cudaSuccess) return;
  const std::string path = where.file_name();
  throw std::runtime_error(std::string(cudaGetErrorString(status)) + " at " +
                           path.substr(path.rfind('/') + 1) + ":" + std::to_string(where.line()));
}

inline void finish_kernel(std::source_location where = std::source_location::current()) {
  check(cudaGetLastError(), where);
  check(cudaDeviceSynchronize(), where);
}

// ---------------------------------------------------------------- time inside a kernel

struct Window {
  unsigned long long cycles = 0;       // of this SM's clock
  unsigned long long nanoseconds = 0;  // of the GPU's timer, which ticks more coarsely
};

__device__ inline unsigned long long global_nanoseconds() {
  unsigned long long now;
  asm volatile("mov.u64 %0, %%globaltimer;" : "=l"(now)::"memory");
  return now;
}

__device__ inline unsigned long long cycle_count() {
  unsigned long long now;
  asm volatile("mov.u64 %0, %%clock64;" : "=l"(now)::"memory");
  return now;
}

class Stopwatch {
 public:
  __device__ Stopwatch() : nanoseconds_(global_nanoseconds()), cycles_(cycle_count()) {}
  __device__ Window read() const {
    const unsigned long long cycles = cycle_count() - cycles_;
    return {cycles, global_nanoseconds() - nanoseconds_};
  }

 private:
  unsigned long long nanoseconds_, cycles_;
};

// ---------------------------------------------------------------- memory on the GPU

template <class T>
class Buffer {
 public:
  explicit Buffer(std::size_t count) : count_(count) {
    check(cudaMalloc(&data_, count * sizeof(T)));
    check(cudaMemset(data_, 0, count * sizeof(T)));
  }
  explicit Buffer(const std::vector<T>& values) : Buffer(values.size()) {
    check(cudaMemcpy(data_, values.data(), count_ * sizeof(T), cudaMemcpyHostToDevice));
  }
  ~Buffer() { cudaFree(data_); }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  T* data() const { return data_; }
  std::size_t size() const { return count_; }
  std::vector<T> read() const {
    std::vector<T> values(count_);
    check(cudaMemcpy(values.data(), data_, count_ * sizeof(T), cudaMemcpyDeviceToHost));
    return values;
  }

 private:
  T* data_ = nullptr;
  std::size_t count_;
};

// ---------------------------------------------------------------- repeats

struct Spread {
  double median = 0, lowest = 0, highest = 0;
};

inline Spread spread(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return {values[values.size() / 2], values.front(), values.back()};
}
inline Spread operator/(const Spread& times, double count) {
  return {times.median / count, times.lowest / count, times.highest / count};
}
// What the times are for, per unit of time.
inline Spread rate(double amount, const Spread& times) {
  return {amount / times.median, amount / times.highest, amount / times.lowest};
}

struct Timing {
  Spread cycles;
  double clock_mhz = 0;
};

// Calls `launch(windows)` several times; the kernel fills one window per block. A repeat counts
// with the median of its blocks, and the first repeat, which loads the code, does not count.
Timing time_in_kernel(const std::function<void(Window*)>& launch, int blocks = 1, int repeats = 9);

// Seconds that the GPU spends on what `launch` puts into the stream, by events.
Spread seconds_by_events(const std::function<void()>& launch, int repeats = 9);

// Keeps every SM busy until the clock has risen from idle.
void raise_clock();

int multiprocessors();

// Lets a kernel use this much dynamic shared memory.
template <class Kernel>
void allow_shared_memory(Kernel kernel, int bytes) {
  check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes));
}

// ---------------------------------------------------------------- report

// A figure of this name that is not 0 marks the test as wrong.
inline constexpr char wrong_results[] = "wrong_results";

// Figures of a test, with the unit in the name.
class Figures {
 public:
  Figures& add(const std::string& name, double value);
  Figures& add(const std::string& name, const Spread& values);  // and its lowest and highest
  const std::vector<std::pair<std::string, double>>& values() const { return values_; }

 private:
  std::vector<std::pair<std::string, double>> values_;
};

class Report {
 public:
  explicit Report(std::string path) : path_(std::move(path)) {}

  // Runs a measurement and writes what it found. If it throws, its error is written and the next
  // one runs.
  void test(const std::string& name, const std::function<Figures()>& measure);
  void text(const std::string& name, const std::string& value);

 private:
  void write() const;
  std::string path_;
  std::vector<std::pair<std::string, std::string>> entries_;  // name, JSON
};

// Each measures one subject; main.cu lists them.
void measure_machine(Report& report);
void measure_wgmma(Report& report);
void measure_tensor_load(Report& report);
void measure_mma_sync(Report& report);
void measure_mma_sync_tile(Report& report);
void measure_arithmetic(Report& report);
void measure_contention(Report& report);
void measure_softmax(Report& report);
void measure_copies(Report& report);
void measure_barriers(Report& report);
void measure_latency(Report& report);
void measure_bandwidth(Report& report);
void measure_launch(Report& report);

}  // namespace measured
