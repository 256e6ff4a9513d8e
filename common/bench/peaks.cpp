#include "bench/peaks.h"

#include <time.h>

#include <algorithm>
#include <array>
#include <barrier>
#include <chrono>
#include <cstdint>
#include <thread>
#include <utility>
#include <vector>

#include "bench/machine.h"
#include "bench/read_memory.h"
#include "tile/aligned.h"
#include "tile/cpu/simd/dot.h"
#include "tile/cpu/simd/simd.h"

namespace flash {
namespace {

using Clock = std::chrono::steady_clock;
using tile::cpu::lanes;
using tile::cpu::Vec;

// Keeps a result that nobody needs from being optimised away.
void consume(Vec value) {
  [[maybe_unused]] thread_local volatile float sink;
  sink = value[0];
}

double thread_cpu_seconds() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

// One thread's part of a repetition.
struct Lap {
  Clock::time_point begin, end;
  double cpu_seconds;
};

// The rate(laps of all threads) of each repetition of body(thread), in ascending order. All threads
// begin a repetition at once; there are as many as fit in a fifth of a second. prepare(thread) runs
// before.
template <class Prepare, class Body, class Rate>
std::vector<double> rates(int threads, Prepare prepare, Body body, Rate rate) {
  constexpr std::chrono::milliseconds enough{200};
  std::vector<Lap> laps(threads);
  std::vector<double> found;
  bool done = false;
  Clock::time_point first;
  std::barrier start(threads);
  std::barrier finish(threads, [&]() noexcept {
    if (found.empty()) first = laps.front().begin;
    found.push_back(rate(laps));
    done = Clock::now() - first > enough;
  });
  const auto work = [&](int thread) {
    prepare(thread);
    while (!done) {
      start.arrive_and_wait();
      const Clock::time_point begin = Clock::now();
      const double cpu_begin = thread_cpu_seconds();
      body(thread);
      laps[thread] = {begin, Clock::now(), thread_cpu_seconds() - cpu_begin};
      finish.arrive_and_wait();
    }
  };
  std::vector<std::jthread> helpers;
  for (int thread = 1; thread < threads; ++thread) helpers.emplace_back(work, thread);
  work(0);
  helpers.clear();
  std::sort(found.begin(), found.end());
  return found;
}

// As many independent chains of operations as a matrix product has accumulators: enough to hide the
// latency of each, few enough for the registers.
constexpr int chains = tile::cpu::vector_block * tile::cpu::column_block;
constexpr std::int64_t steps = 250'000;

template <std::size_t... I>
void multiply_add(std::index_sequence<I...>) {
  static volatile float half = 0.5f;  // the compiler cannot know that the chains converge to 1
  const Vec factor = tile::cpu::broadcast(half), addend = tile::cpu::broadcast(half);
  std::array<Vec, sizeof...(I)> chain = {tile::cpu::broadcast(static_cast<float>(I))...};
  for (std::int64_t step = 0; step < steps; ++step) ((chain[I] = chain[I] * factor + addend), ...);
  consume((chain[I] + ...));
}

// The operands of a register block of a product as it takes them: columns of A in vectors, and
// numbers of B, each for all lanes. A core may run slower where loads go beside its FMA: on a Xeon
// whose clock falls with what it does, an eighth.
constexpr int terms = 64;  // A and B take 18 KB or less of the first cache

void multiply_add_from_l1() {
  using tile::cpu::column_block, tile::cpu::vector_block;
  constexpr int panel = vector_block * lanes;
  alignas(64) thread_local std::array<float, terms*(panel + column_block)> operands;
  operands.fill(0.5f);
  const float *const a = operands.data(), *const b = a + terms * panel;
  Vec sum[column_block][vector_block] = {};
  for (std::int64_t step = 0; step < steps / terms; ++step)
    for (int t = 0; t < terms; ++t) {
      Vec left[vector_block];
      TILE_UNROLL
      for (int i = 0; i < vector_block; ++i) left[i] = tile::cpu::load(a + t * panel + i * lanes);
      TILE_UNROLL
      for (int j = 0; j < column_block; ++j) {
        const Vec right = tile::cpu::broadcast(b[t * column_block + j]);
        TILE_UNROLL
        for (int i = 0; i < vector_block; ++i) sum[j][i] += left[i] * right;
      }
    }
  TILE_UNROLL
  for (int j = 0; j < column_block; ++j) {
    TILE_UNROLL
    for (int i = 0; i < vector_block; ++i) consume(sum[j][i]);
  }
}

// The rates, in 10^9 a second, of threads that do so much `work` each in body(thread). Each
// thread's is that of the time it had a core, so that a busy machine has the same.
template <class Body>
std::vector<double> rates_of_cores(int threads, double work, Body body) {
  const auto rate = [&](const std::vector<Lap>& laps) {
    double sum = 0;
    for (const Lap& lap : laps) sum += work / lap.cpu_seconds * 1e-9;
    return sum;
  };
  return rates(
      threads, [](int) {}, body, rate);
}

double peak_gflops(int threads, const Chains& measured) {
  if (measured.flops == 0) return 0;
  return rates_of_cores(threads, measured.flops, [&](int) { measured.run(); }).back();
}

// After the first milliseconds, in which the clock may not have fallen yet.
double lasting_gflops(int threads, const Chains& measured) {
  const auto found = rates_of_cores(threads, measured.flops, [&](int) { measured.run(); });
  return found[found.size() / 2];
}

#if TILE_SIMD_BF16_DOT
template <std::size_t... I>
void multiply_add_pairs(std::index_sequence<I...>) {
  static volatile std::uint32_t halves = 0x3f003f00;  // two times 0.5 in bf16
  const tile::cpu::Bf16Vec a = tile::cpu::broadcast_pair(halves);
  std::array<Vec, sizeof...(I)> chain = {tile::cpu::broadcast(static_cast<float>(I))...};
  for (std::int64_t step = 0; step < steps; ++step)
    ((chain[I] = tile::cpu::dot(chain[I], a, a)), ...);
  consume((chain[I] + ...));
}

#endif

// 128 MB: four times the last-level cache that a few cores share today, and little enough beside
// the inputs of a large problem, which are not there yet when this memory is given back.
double read_gbs(int threads) {
  constexpr std::int64_t total = std::int64_t{128} << 20, piece = 4096;  // bytes
  const std::int64_t count = total / threads / piece * piece / 4;        // floats of a thread
  if (count == 0) return 0;
  const auto data = tile::make_aligned<float>(count * threads);
  const auto rate = [&](const std::vector<Lap>& laps) {
    auto [begin, end, unused] = laps.front();
    for (const Lap& lap : laps) begin = std::min(begin, lap.begin), end = std::max(end, lap.end);
    return static_cast<double>(count * 4 * threads) /
           std::chrono::duration<double>(end - begin).count() * 1e-9;
  };
  const std::vector<double> found = rates(
      threads, [&](int t) { std::fill_n(data.get() + t * count, count, 1.0f); },
      [&](int t) { read_memory(data.get() + t * count, count); }, rate);
  return found[found.size() / 2];
}

// A thread reads a quarter of a second cache, as two may share one: more than a first cache holds.
// A hundred times, or the clock would be read too often.
double l2_gbs(int threads) {
  constexpr int times = 100;
  const std::int64_t count = this_machine().caches.l2 / 4 / 4096 * 1024;  // floats of a thread
  if (count == 0) return 0;
  const auto data = tile::make_aligned<float>(count * threads);
  std::fill_n(data.get(), count * threads, 1.0f);
  const auto body = [&](int thread) {
    for (int i = 0; i < times; ++i) read_memory(data.get() + thread * count, count);
  };
  return rates_of_cores(threads, static_cast<double>(4 * count * times), body).back();
}

}  // namespace

Chains fma_chains() {
  return {[] { multiply_add(std::make_index_sequence<chains>()); }, 2.0 * steps * chains * lanes};
}

Chains fma_from_l1_chains() {
  return {multiply_add_from_l1, 2.0 * (steps / terms * terms) * chains * lanes};
}

Chains bf16_dot_chains() {
#if TILE_SIMD_BF16_DOT
  return {[] { multiply_add_pairs(std::make_index_sequence<chains>()); },
          4.0 * steps * chains * lanes};
#else
  return {};
#endif
}

Peaks measure_peaks(int threads) {
  return {.fma_gflops = peak_gflops(threads, fma_chains()),
          .read_gbs = read_gbs(threads),
          .bf16_gflops = peak_gflops(threads, bf16_dot_chains()),
          .l2_gbs = l2_gbs(threads),
          .fma_from_l1_gflops = lasting_gflops(threads, fma_from_l1_chains())};
}

}  // namespace flash
