// What starting kernels and blocks costs.
#include <ctime>

#include "measure.cuh"

namespace measured {
namespace {

__global__ void empty() {}

__global__ void empty_with_stamp(unsigned long long* start_and_end) {
  const bool stamps = blockIdx.x == 0 && threadIdx.x == 0;
  if (stamps) start_and_end[0] = global_nanoseconds();
  __syncthreads();
  if (stamps) start_and_end[1] = global_nanoseconds();
}

__global__ void timer_ticks(unsigned long long* ticks, int count) {
  unsigned long long before = global_nanoseconds();
  for (int i = 0; i < count;) {
    const unsigned long long now = global_nanoseconds();
    if (now != before) ticks[i++] = now - before;
    before = now;
  }
}

__global__ void wait(unsigned long long nanoseconds) {
  const unsigned long long start = global_nanoseconds();
  while (global_nanoseconds() - start < nanoseconds) {
  }
}

// The host is ahead: the queue fills while a first kernel keeps the GPU busy.
Figures back_to_back(int blocks, int threads) {
  constexpr int launches = 500;
  cudaEvent_t events[2];
  for (cudaEvent_t& event : events) check(cudaEventCreate(&event));
  std::vector<double> microseconds;
  for (int repeat = 0; repeat < 10; ++repeat) {
    wait<<<1, 1>>>(5'000'000);
    check(cudaEventRecord(events[0]));
    for (int i = 0; i < launches; ++i) empty<<<blocks, threads>>>();
    check(cudaEventRecord(events[1]));
    finish_kernel();
    float milliseconds = 0;
    check(cudaEventElapsedTime(&milliseconds, events[0], events[1]));
    microseconds.push_back(1e3 * milliseconds / launches);
  }
  for (const cudaEvent_t event : events) check(cudaEventDestroy(event));
  Figures figures;
  return figures.add("microseconds_per_launch", spread(microseconds));
}

// From the last instruction of a kernel's first block to the first one of the next kernel's, in one
// stream.
Figures dependent_gap(int blocks, int threads) {
  constexpr int launches = 200;
  Buffer<unsigned long long> stamps(2 * launches);
  wait<<<1, 1>>>(5'000'000);
  for (int i = 0; i < launches; ++i) empty_with_stamp<<<blocks, threads>>>(stamps.data() + 2 * i);
  finish_kernel();
  const std::vector<unsigned long long> found = stamps.read();
  std::vector<double> gaps;
  for (int i = 1; i < launches; ++i)
    gaps.push_back(static_cast<double>(found[2 * i]) - static_cast<double>(found[2 * i - 1]));
  Figures figures;
  return figures.add("nanoseconds", spread(gaps));
}

// A chain of empty kernels in one CUDA graph.
Figures in_graph(int blocks) {
  constexpr int kernels = 200;
  cudaStream_t stream;
  check(cudaStreamCreate(&stream));
  check(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal));
  for (int i = 0; i < kernels; ++i) empty<<<blocks, 128, 0, stream>>>();
  cudaGraph_t graph;
  check(cudaStreamEndCapture(stream, &graph));
  cudaGraphExec_t executable;
  check(cudaGraphInstantiate(&executable, graph, 0));
  const Spread seconds = seconds_by_events([&] { check(cudaGraphLaunch(executable, nullptr)); });
  check(cudaGraphExecDestroy(executable));
  check(cudaGraphDestroy(graph));
  check(cudaStreamDestroy(stream));
  Figures figures;
  return figures.add(
      "microseconds_per_kernel",
      Spread{1e6 * seconds.median, 1e6 * seconds.lowest, 1e6 * seconds.highest} / kernels);
}

// From the host's call until the host knows that the kernel is done.
Figures round_trip() {
  constexpr int launches = 200;
  std::vector<double> microseconds;
  for (int i = 0; i < launches; ++i) {
    timespec before, after;
    clock_gettime(CLOCK_MONOTONIC, &before);
    empty<<<1, 32>>>();
    finish_kernel();
    clock_gettime(CLOCK_MONOTONIC, &after);
    microseconds.push_back(1e6 * (after.tv_sec - before.tv_sec) +
                           1e-3 * (after.tv_nsec - before.tv_nsec));
  }
  Figures figures;
  return figures.add("microseconds", spread(microseconds));
}

// Time per block that an SM spends on a block that does nothing: the slope between two grids.
Figures block_start(int threads, int shared_bytes) {
  allow_shared_memory(empty, shared_bytes);
  constexpr int few = 100, many = 1100;  // blocks per SM
  const int sms = multiprocessors();
  const auto seconds = [&](int blocks_per_sm) {
    return seconds_by_events([&] { empty<<<blocks_per_sm * sms, threads, shared_bytes>>>(); });
  };
  const double difference = seconds(many).median - seconds(few).median;
  Figures figures;
  return figures.add("nanoseconds_per_block_per_sm", 1e9 * difference / (many - few));
}

Figures timer_tick() {
  Buffer<unsigned long long> ticks(100);
  timer_ticks<<<1, 1>>>(ticks.data(), 100);
  finish_kernel();
  const std::vector<unsigned long long> found = ticks.read();
  Figures figures;
  return figures.add("nanoseconds", spread({found.begin(), found.end()}));
}

}  // namespace

void measure_launch(Report& report) {
  const int sms = multiprocessors();
  report.test("tick_of_the_global_timer", timer_tick);
  report.test("empty_kernels_of_1_block", [] { return back_to_back(1, 32); });
  report.test("empty_kernels_of_1_block_per_sm", [&] { return back_to_back(sms, 128); });
  report.test("gap_between_dependent_kernels_of_1_block", [] { return dependent_gap(1, 32); });
  report.test("gap_between_dependent_kernels_of_1_block_per_sm",
              [&] { return dependent_gap(sms, 384); });
  report.test("empty_kernels_in_a_graph", [] { return in_graph(1); });
  report.test("launch_and_wait_on_the_host", round_trip);
  report.test("block_of_128_threads", [] { return block_start(128, 0); });
  report.test("block_of_384_threads", [] { return block_start(384, 0); });
  report.test("block_of_384_threads_with_200_kb", [] { return block_start(384, 200 << 10); });
}

}  // namespace measured
