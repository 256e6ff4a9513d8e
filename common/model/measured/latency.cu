// Latency of a load that the next load's address depends on: one thread follows a chain of indices,
// each in a line of 128 bytes of its own.
#include <numeric>
#include <random>

#include "measure.cuh"

namespace measured {
namespace {

constexpr int line_words = 128 / sizeof(std::uint32_t);

// A random cycle through the first `lines` of a region.
std::vector<std::uint32_t> random_order(std::size_t lines, std::size_t region_lines) {
  std::mt19937_64 random(7);
  std::vector<std::uint32_t> order(lines);
  // one line drawn from each of `lines` equal pieces of the region, so that none repeats
  const std::size_t piece = region_lines / lines;
  for (std::size_t i = 0; i < lines; ++i)
    order[i] = static_cast<std::uint32_t>(i * piece + random() % piece);
  std::shuffle(order.begin(), order.end(), random);
  return order;
}

__global__ void link(std::uint32_t* region, const std::uint32_t* order, std::size_t lines) {
  for (std::size_t i = threadIdx.x; i < lines; i += blockDim.x)
    region[static_cast<std::size_t>(order[i]) * line_words] = order[(i + 1) % lines] * line_words;
}

enum class Level { l1, l2 };  // the highest cache that a load may hit

template <Level level>
__device__ std::uint32_t load(const std::uint32_t* address) {
  std::uint32_t value;
  if constexpr (level == Level::l1)
    asm volatile("ld.global.ca.u32 %0, [%1];" : "=r"(value) : "l"(address) : "memory");
  else
    asm volatile("ld.global.cg.u32 %0, [%1];" : "=r"(value) : "l"(address) : "memory");
  return value;
}

// Follows `warm` steps first. `each` gets the cycles of every timed step, clock reads included.
template <Level level>
__global__ void chase(const std::uint32_t* region, std::uint32_t first, int warm, int steps,
                      std::uint32_t* last, unsigned* each, Window* windows) {
  __shared__ volatile std::uint32_t arrived;
  std::uint32_t at = first;
  for (int i = 0; i < warm; ++i) at = load<level>(region + at);
  const Stopwatch watch;
  if (each) {
    for (int i = 0; i < steps; ++i) {
      const unsigned long long before = cycle_count();
      at = load<level>(region + at);
      arrived = at;  // holds the clock back until the load is done
      each[i] = static_cast<unsigned>(cycle_count() - before);
    }
  } else {
#pragma unroll 8
    for (int i = 0; i < steps; ++i) at = load<level>(region + at);
  }
  *windows = watch.read();
  *last = at;
}

// Each word holds the address of another one.
__global__ void chase_shared(Window* windows, int steps, std::uint32_t* last) {
  __shared__ std::uint32_t memory[1024];
  const auto first = static_cast<std::uint32_t>(__cvta_generic_to_shared(memory));
  for (int i = 0; i < 1024; ++i) memory[i] = first + (i + 33) % 1024 * sizeof(memory[0]);
  std::uint32_t at = first;
  const Stopwatch watch;
#pragma unroll 8
  for (int i = 0; i < steps; ++i) asm volatile("ld.shared.u32 %0, [%0];" : "+r"(at)::"memory");
  *windows = watch.read();
  *last = at;
}

Figures shared_latency() {
  constexpr int steps = 1 << 16;
  Buffer<std::uint32_t> last(1);
  const Timing timing =
      time_in_kernel([&](Window* w) { chase_shared<<<1, 1>>>(w, steps, last.data()); });
  Figures figures;
  figures.add("cycles", timing.cycles / steps);
  return figures.add("sm_clock_mhz", timing.clock_mhz);
}

struct Chain {
  Chain(std::size_t lines, std::size_t region_bytes)
      : region(region_bytes / sizeof(std::uint32_t)),
        order(random_order(lines, region_bytes / 128)) {
    const Buffer<std::uint32_t> on_gpu(order);
    link<<<1, 1024>>>(region.data(), on_gpu.data(), lines);
    finish_kernel();
  }
  Buffer<std::uint32_t> region;
  std::vector<std::uint32_t> order;
};

// From a cache that holds the whole chain after one turn.
template <Level level>
Figures cached_latency(std::size_t bytes) {
  const int lines = static_cast<int>(bytes / 128);
  const Chain chain(lines, bytes);
  Buffer<std::uint32_t> last(1);
  Buffer<unsigned> each(lines);
  const auto run = [&](Window* windows, unsigned* into) {
    chase<level><<<1, 1>>>(chain.region.data(), chain.order[0] * line_words, lines, lines,
                           last.data(), into, windows);
  };
  const Timing timing = time_in_kernel([&](Window* windows) { run(windows, nullptr); });
  int wrong = last.read()[0] != chain.order[0] * line_words;  // two full turns
  Buffer<Window> window(1);
  run(window.data(), each.data());
  finish_kernel();
  const std::vector<unsigned> found = each.read();
  std::vector<double> steps(found.begin(), found.end());
  std::sort(steps.begin(), steps.end());
  Figures figures;
  figures.add("cycles", timing.cycles / lines);
  figures.add("single_load_cycles_tenth_percentile", steps[steps.size() / 10]);
  figures.add("single_load_cycles_median", steps[steps.size() / 2]);
  figures.add("single_load_cycles_ninetieth_percentile", steps[steps.size() * 9 / 10]);
  figures.add("sm_clock_mhz", timing.clock_mhz);
  return figures.add(wrong_results, wrong);
}

// Every line is touched once, after a write of 512 MB has pushed it out of the L2.
Figures memory_latency(std::size_t region_bytes) {
  constexpr int lines = 16384;
  const Chain chain(lines, region_bytes);
  const Buffer<char> evicts(512 << 20);
  Buffer<std::uint32_t> last(1);
  const Timing timing = time_in_kernel(
      [&](Window* windows) {
        check(cudaMemset(evicts.data(), 1, evicts.size()));
        chase<Level::l2><<<1, 1>>>(chain.region.data(), chain.order[0] * line_words, 0, lines,
                                   last.data(), nullptr, windows);
      },
      1, 5);
  Figures figures;
  figures.add("cycles", timing.cycles / lines);
  figures.add("nanoseconds", 1e3 * timing.cycles.median / timing.clock_mhz / lines);
  figures.add("sm_clock_mhz", timing.clock_mhz);
  return figures.add(wrong_results, last.read()[0] != chain.order[0] * line_words);
}

}  // namespace

void measure_latency(Report& report) {
  report.test("shared_memory", shared_latency);
  report.test("l1_16_kb", [] { return cached_latency<Level::l1>(16 << 10); });
  report.test("l2_4_mb", [] { return cached_latency<Level::l2>(4 << 20); });
  report.test("l2_16_mb", [] { return cached_latency<Level::l2>(16 << 20); });
  report.test("hbm_lines_within_64_mb", [] { return memory_latency(64 << 20); });
  report.test("hbm_lines_within_4_gb", [] { return memory_latency(4ull << 30); });
}

}  // namespace measured
