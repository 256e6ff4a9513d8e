// What synchronising costs: mbarriers, named barriers and hand-overs between warps of one block.
#include "asynchronous.cuh"
#include "measure.cuh"

namespace measured {
namespace {

constexpr int rounds = 4096;

// Arrives, with 16 in a row in flight.
__global__ void arrive_often(Window* windows) {
  __shared__ Barrier barrier;
  barrier_init(&barrier, (1 << 20) - 1);
  const Stopwatch watch;
#pragma unroll 1
  for (int round = 0; round < rounds / 16; ++round)
#pragma unroll
    for (int i = 0; i < 16; ++i) barrier_arrive(&barrier);
  *windows = watch.read();
}

// Arrives, and needs the state that comes back before the next. `zero` is 0.
__global__ void arrive_in_turn(Window* windows, std::uint32_t zero) {
  __shared__ Barrier barriers[2];
  barrier_init(&barriers[0], (1 << 20) - 1);
  Barrier* barrier = barriers;
  const Stopwatch watch;
#pragma unroll 16
  for (int round = 0; round < rounds; ++round)
    barrier = barriers + (static_cast<std::uint32_t>(barrier_arrive(barrier)) & zero);
  *windows = watch.read();
}

// Tests a phase that is complete; the answer decides whether the next test is made.
__global__ void try_completed(Window* windows) {
  __shared__ Barrier barrier;
  if (threadIdx.x == 0) {
    barrier_init(&barrier, 1);
    barrier_arrive(&barrier);
  }
  __syncthreads();
  const Stopwatch watch;
#pragma unroll 16
  for (int round = 0; round < rounds; ++round)
    if (!barrier_try(&barrier, 0)) __trap();
  if (threadIdx.x == 0) *windows = watch.read();
}

// Two warps hand over to each other: one lane of each arrives at the other's barrier, all lanes
// wait.
__global__ void hand_over_mbarrier(Window* windows) {
  __shared__ Barrier barriers[2];
  const int warp = threadIdx.x / 32;
  if (threadIdx.x == 0)
    for (Barrier& barrier : barriers) barrier_init(&barrier, 1);
  __syncthreads();
  const Stopwatch watch;
  for (int round = 0; round < rounds; ++round) {
    if (warp == 1 || round > 0) barrier_wait(&barriers[warp], (warp == 1 ? round : round - 1) % 2);
    if (threadIdx.x % 32 == 0) barrier_arrive(&barriers[1 - warp]);
  }
  if (threadIdx.x == 0) *windows = watch.read();
}

// Two halves of a block take turns, as FlashAttention-3's warpgroups do.
__global__ void hand_over_named(Window* windows) {
  const int half = threadIdx.x >= blockDim.x / 2, count = blockDim.x;
  if (half == 1) asm volatile("bar.arrive %0, %1;" ::"r"(1), "r"(count) : "memory");
  const Stopwatch watch;
#pragma unroll 1
  for (int round = 0; round < rounds; ++round) {
    asm volatile("bar.sync %0, %1;" ::"r"(1 + half), "r"(count) : "memory");
    asm volatile("bar.arrive %0, %1;" ::"r"(2 - half), "r"(count) : "memory");
  }
  if (threadIdx.x == 0) *windows = watch.read();
  if (half == 0) asm volatile("bar.sync %0, %1;" ::"r"(1), "r"(count) : "memory");
}

__global__ void synchronise_block(Window* windows) {
  __syncthreads();
  const Stopwatch watch;
#pragma unroll 16
  for (int round = 0; round < rounds; ++round) __syncthreads();
  if (threadIdx.x == 0) *windows = watch.read();
}

// Each half of the block, or all of it, synchronises by a barrier of its own.
__global__ void synchronise_named(Window* windows, int threads) {
  const int barrier = 1 + threadIdx.x / threads;
  __syncthreads();
  const Stopwatch watch;
#pragma unroll 16
  for (int round = 0; round < rounds; ++round)
    asm volatile("bar.sync %0, %1;" ::"r"(barrier), "r"(threads) : "memory");
  if (threadIdx.x == 0) *windows = watch.read();
}

template <class Launch>
Figures cycles_per_round(Launch launch, double events_per_round = 1) {
  const Timing timing = time_in_kernel([&](Window* windows) { launch(windows); });
  Figures figures;
  figures.add("cycles", timing.cycles / (rounds * events_per_round));
  return figures.add("sm_clock_mhz", timing.clock_mhz);
}

}  // namespace

void measure_barriers(Report& report) {
  const auto add = [&](const std::string& name, auto launch, double events = 1) {
    report.test(name, [&] { return cycles_per_round(launch, events); });
  };
  add("mbarrier_arrive_issued_back_to_back", [](Window* w) { arrive_often<<<1, 1>>>(w); });
  add("mbarrier_arrive_until_its_state_returns", [](Window* w) { arrive_in_turn<<<1, 1>>>(w, 0); });
  add("mbarrier_try_wait_on_completed_phase", [](Window* w) { try_completed<<<1, 32>>>(w); });
  add(
      "mbarrier_hand_over_between_warps", [](Window* w) { hand_over_mbarrier<<<1, 64>>>(w); }, 2);
  for (const int threads : {64, 256})
    add(
        "bar_hand_over_between_halves_of_" + std::to_string(threads) + "_threads",
        [=](Window* w) { hand_over_named<<<1, threads>>>(w); }, 2);
  for (const int threads : {32, 128, 256, 384})
    add("syncthreads_" + std::to_string(threads) + "_threads",
        [=](Window* w) { synchronise_block<<<1, threads>>>(w); });
  add("bar_sync_128_threads", [](Window* w) { synchronise_named<<<1, 128>>>(w, 128); });
  add("bar_sync_128_threads_in_each_of_2_warpgroups",
      [](Window* w) { synchronise_named<<<1, 256>>>(w, 128); });
  add("bar_sync_256_threads", [](Window* w) { synchronise_named<<<1, 256>>>(w, 256); });
}

}  // namespace measured
