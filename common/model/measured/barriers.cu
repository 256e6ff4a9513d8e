// What it costs to hand something over: mbarriers, named barriers, __syncthreads.
#include "barrier.h"
#include "measure.h"

namespace measured {
namespace {

constexpr int loops = 256;

__global__ void arrive_often(long long* elapsed) {
  __shared__ std::uint64_t barrier;
  if (threadIdx.x == 0) begin(&barrier, 1);
  const Timer timer;
  if (threadIdx.x == 0)
    for (int i = 0; i < loops; ++i) arrive(&barrier);
  timer.stop(elapsed);
}

__global__ void wait_for_what_is_done(long long* elapsed, int* out) {
  __shared__ std::uint64_t barrier;
  if (threadIdx.x == 0) begin(&barrier, 1);
  __syncthreads();
  if (threadIdx.x == 0) arrive(&barrier);
  const Timer timer;
  int done = 0;
  for (int i = 0; i < loops; ++i) done += is_complete(&barrier, 0);
  timer.stop(elapsed);
  out[threadIdx.x] = done;
}

// Two warps, each waiting for the other: a round is two hand-overs.
__global__ void hand_over(long long* elapsed) {
  __shared__ std::uint64_t barriers[2];
  const int warp = threadIdx.x / 32;
  if (threadIdx.x < 2) begin(&barriers[threadIdx.x], 1);
  const Timer timer;
  for (int i = 0; i < loops; ++i) {
    if (warp == 1) wait(&barriers[0], i & 1);
    if (threadIdx.x % 32 == 0) arrive(&barriers[warp]);
    if (warp == 0) wait(&barriers[1], i & 1);
  }
  timer.stop(elapsed);
}

__global__ void named_barrier(long long* elapsed) {
  const Timer timer;
  for (int i = 0; i < loops; ++i) asm volatile("bar.sync 1, %0;" ::"r"(blockDim.x) : "memory");
  timer.stop(elapsed);
}

// Two warpgroups in turns, as FlashAttention-3's ping-pong: each waits at its own barrier and then
// opens the other's. A round is two turns.
__global__ void take_turns(long long* elapsed) {
  const int group = threadIdx.x / 128;
  if (group == 1) asm volatile("bar.arrive 1, 256;" ::: "memory");
  const Timer timer;
  for (int i = 0; i < loops; ++i) {
    asm volatile("bar.sync %0, 256;" ::"r"(group + 1) : "memory");
    asm volatile("bar.arrive %0, 256;" ::"r"(2 - group) : "memory");
  }
  if (group == 0) asm volatile("bar.sync 1, 256;" ::: "memory");
  timer.stop(elapsed);
}

__global__ void sync_threads(long long* elapsed) {
  const Timer timer;
  for (int i = 0; i < loops; ++i) __syncthreads();
  timer.stop(elapsed);
}

}  // namespace

void measure_barriers() {
  Memory<int> out(1024);
  report("barriers", "mbarrier.arrive", cycles(arrive_often, 32, 0, loops), "cycles");
  report("barriers", "mbarrier.try_wait of a completed phase",
         cycles(wait_for_what_is_done, 32, 0, loops, out.data), "cycles");
  report("barriers", "mbarrier: arrive in a warp to the end of another's wait",
         cycles(hand_over, 64, 0, 2 * loops), "cycles");
  for (const int threads : {128, 256, 384})
    report("barriers", "bar.sync of " + std::to_string(threads) + " threads",
           cycles(named_barrier, threads, 0, loops), "cycles");
  report("barriers", "ping-pong: a turn of bar.sync and bar.arrive, 256 threads",
         cycles(take_turns, 256, 0, 2 * loops), "cycles");
  for (const int threads : {128, 256, 384})
    report("barriers", "__syncthreads of " + std::to_string(threads) + " threads",
           cycles(sync_threads, threads, 0, loops), "cycles");
}

}  // namespace measured
