// Barriers in shared memory (mbarrier) and the copy engine (TMA).
#pragma once

#include <cuda.h>

#include <cstdint>

namespace measured {

using Barrier = std::uint64_t;  // in shared memory

__device__ inline std::uint32_t shared_address(const void* pointer) {
  return static_cast<std::uint32_t>(__cvta_generic_to_shared(pointer));
}

__device__ inline void barrier_init(Barrier* barrier, std::uint32_t arrivals) {
  asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(shared_address(barrier)),
               "r"(arrivals)
               : "memory");
}

// Makes initialised barriers visible to the copy engine; the block still has to synchronise.
__device__ inline void barrier_init_fence() {
  asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
}

__device__ inline std::uint64_t barrier_arrive(Barrier* barrier) {
  std::uint64_t state;
  asm volatile("mbarrier.arrive.shared::cta.b64 %0, [%1];"
               : "=l"(state)
               : "r"(shared_address(barrier))
               : "memory");
  return state;
}

__device__ inline void barrier_expect(Barrier* barrier, std::uint32_t bytes) {
  asm volatile(
      "mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(shared_address(barrier)),
      "r"(bytes)
      : "memory");
}

// Whether the phase of this parity is complete; waits for it for a while.
__device__ inline bool barrier_try(Barrier* barrier, std::uint32_t parity) {
  std::uint32_t complete;
  asm volatile(
      "{\n.reg .pred p;\nmbarrier.try_wait.parity.shared::cta.b64 p, [%1], %2;\n"
      "selp.u32 %0, 1, 0, p;\n}"
      : "=r"(complete)
      : "r"(shared_address(barrier)), "r"(parity)
      : "memory");
  return complete;
}

// Traps instead of hanging for ever.
__device__ inline void barrier_wait(Barrier* barrier, std::uint32_t parity) {
  for (int tries = 0; !barrier_try(barrier, parity); ++tries)
    if (tries > 10'000'000) __trap();
}

// True in one lane of a full warp. The compiler knows that it is one, as it does not after
// comparing threadIdx.x, and leaves out a loop over the lanes around each copy.
__device__ inline bool elected() {
  std::uint32_t is_elected;
  asm volatile("{\n.reg .pred p;\nelect.sync _|p, -1;\nselp.u32 %0, 1, 0, p;\n}"
               : "=r"(is_elected)::"memory");
  return is_elected;
}

// Starts the copy of the map's box at (column, row); `barrier` counts its bytes.
__device__ inline void copy_tile(void* tile, const CUtensorMap& map, int column, int row,
                                 Barrier* barrier) {
  asm volatile(
      "cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes"
      " [%0], [%1, {%2, %3}], [%4];" ::"r"(shared_address(tile)),
      "l"(&map), "r"(column), "r"(row), "r"(shared_address(barrier))
      : "memory");
}

__device__ inline void prefetch_map(const CUtensorMap& map) {
  asm volatile("prefetch.tensormap [%0];" ::"l"(&map) : "memory");
}

}  // namespace measured
