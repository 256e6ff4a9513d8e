// The other units of a multiprocessor: exponentials, FP32 lanes, conversions, shuffles, and the
// softmax that needs all of them, alone and beside tensor cores at work.
#include <cuda_bf16.h>
#include <cuda_fp8.h>

#include "measure.h"
#include "wgmma.h"

namespace measured {
namespace {

constexpr int loops = 512, chains = 8;

struct Exponential {
  static __device__ float of(float x) {
    float y;
    asm volatile("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
  }
};
struct MultiplyAdd {
  static __device__ float of(float x) {
    float y;
    asm volatile("fma.rn.f32 %0, %1, 0f3F000000, 0f3F000000;" : "=f"(y) : "f"(x));
    return y;
  }
};
struct Add {
  static __device__ float of(float x) {
    float y;
    asm volatile("add.rn.f32 %0, %1, 0f3F000000;" : "=f"(y) : "f"(x));
    return y;
  }
};
struct Maximum {
  static __device__ float of(float x) {
    float y;
    asm volatile("max.f32 %0, %1, 0f3F000000;" : "=f"(y) : "f"(x));
    return y;
  }
};
struct Shuffle {
  static __device__ float of(float x) { return __shfl_xor_sync(~0u, x, 1); }
};
// Of two numbers to a pair.
struct ToBf16 {
  static __device__ float of(float x) {
    unsigned pair;
    asm volatile("cvt.rn.bf16x2.f32 %0, %1, %1;" : "=r"(pair) : "f"(x));
    return __uint_as_float(pair);
  }
};
struct ToE4m3 {
  static __device__ float of(float x) {
    unsigned short pair;
    asm volatile("cvt.rn.satfinite.e4m3x2.f32 %0, %1, %1;" : "=h"(pair) : "f"(x));
    return __uint_as_float(0x3f800000u | pair);
  }
};

// `Chains` results of each thread that do not depend on one another.
template <class Operation, int Chains>
__global__ void repeat(long long* elapsed, float* out) {
  float x[Chains];
  const Timer timer;
  for (int c = 0; c < Chains; ++c)
    x[c] = 0.01f * static_cast<float>(threadIdx.x + c) + timer.zero();
  for (int i = 0; i < loops; ++i)
#pragma unroll
    for (int c = 0; c < Chains; ++c) x[c] = Operation::of(x[c]);
  float sum = 0;
  for (const float value : x) sum += value;
  out[threadIdx.x] = sum;
  timer.stop(elapsed);
}

template <class Operation>
void measure_operation(const std::string& name) {
  Memory<float> out(1024);
  std::vector<double> rate = cycles(repeat<Operation, chains>, 1024, 0, 1, out.data);
  for (double& value : rate) value = 1024.0 * loops * chains / value;
  report("lanes", name, rate, "a clock");
  report("lanes", name + ", latency", cycles(repeat<Operation, 1>, 32, 0, loops, out.data),
         "cycles");
}

// The softmax of a tile of 64 queries and 128 keys as FlashAttention-3 has it: 64 scores a thread.
__device__ void softmax(float (&s)[64], float& row_max, float& row_sum, unsigned (&p)[32]) {
  float top = row_max;
#pragma unroll
  for (int i = 0; i < 64; ++i) top = fmaxf(top, s[i]);
  top = fmaxf(top, __shfl_xor_sync(~0u, top, 1));
  top = fmaxf(top, __shfl_xor_sync(~0u, top, 2));
  const float shift = top * 0.18f;
  float sum = row_sum * Exponential::of(row_max * 0.18f - shift);
#pragma unroll
  for (int i = 0; i < 64; ++i) {
    s[i] = Exponential::of(fmaf(s[i], 0.18f, -shift));
    sum += s[i];
  }
#pragma unroll
  for (int i = 0; i < 32; ++i)
    asm volatile("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(p[i]) : "f"(s[2 * i + 1]), "f"(s[2 * i]));
  row_max = top, row_sum = sum;
}

constexpr int tiles = 100;

__device__ float softmax_of_tiles() {
  float s[64], row_max = -1e30f, row_sum = 0;
  unsigned p[32], used = 0;
  for (int i = 0; i < 64; ++i) s[i] = 0.1f * static_cast<float>((threadIdx.x * 7 + i) % 64);
  for (int tile = 0; tile < tiles; ++tile) {
    softmax(s, row_max, row_sum, p);
#pragma unroll
    for (int i = 0; i < 32; ++i) used ^= p[i];
  }
  return row_sum + __uint_as_float(used & 0x3fffffffu);
}

__device__ std::uint64_t descriptor(const void* tile) {
  const auto address = static_cast<std::uint64_t>(__cvta_generic_to_shared(tile));
  return (address & 0x3ffff) >> 4 | std::uint64_t{1024 >> 4} << 32 | std::uint64_t{1} << 62;
}

__device__ float products_of_tiles(const void* shared) {  // m64n128k16, 16 a tile: both products
  float d[64] = {};
  const std::uint64_t tile = descriptor(shared);
  for (int i = 0; i < tiles; ++i) {
    fence_products();
#pragma unroll
    for (int k = 0; k < 16; ++k)
      wgmma<Type::bf16, 128>(d, tile + k % 4 * 2, tile + 1024 + k % 4 * 2);
    commit_products();
    wait_products<0>();
  }
  float sum = 0;
  for (const float x : d) sum += x;
  return sum;
}

// Each warpgroup does softmax or products; what each took, by role.
__global__ void side_by_side(long long* elapsed, float* out, int softmaxes, int products,
                             int role) {
  extern __shared__ __align__(1024) float shared[];
  for (int i = threadIdx.x; i < 16 * 1024; i += blockDim.x) shared[i] = 0;
  asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
  __syncthreads();
  const int group = threadIdx.x / 128;
  const bool is_softmax = group < softmaxes;
  const long long begin = clock64();
  out[threadIdx.x] = is_softmax ? softmax_of_tiles() : products_of_tiles(shared);
  __threadfence_block();
  const long long took = clock64() - begin;
  if (threadIdx.x % 128 == 0 && is_softmax == (role == 0)) *elapsed = took;
}

void measure_softmax() {
  Memory<float> out(1024);
  const auto take = [&](const char* name, int softmaxes, int products, int role) {
    report("softmax", name,
           cycles(side_by_side, (softmaxes + products) * 128, 64 * 1024, tiles, out.data, softmaxes,
                  products, role),
           "cycles a tile");
  };
  take("softmax of 64 x 128, one warpgroup", 1, 0, 0);
  take("softmax of 64 x 128, each of two warpgroups", 2, 0, 0);
  take("softmax of 64 x 128, each of three warpgroups", 3, 0, 0);
  take("products of 64 x 128 x 128, one warpgroup", 0, 1, 1);
  take("products of 64 x 128 x 128, each of two warpgroups", 0, 2, 1);
  take("softmax beside another's products", 1, 1, 0);
  take("products beside another's softmax", 1, 1, 1);
}

}  // namespace

void measure_lanes() {
  measure_operation<Exponential>("ex2.approx.ftz.f32");
  measure_operation<MultiplyAdd>("fma.rn.f32");
  measure_operation<Add>("add.rn.f32");
  measure_operation<Maximum>("max.f32");
  measure_operation<ToBf16>("cvt.rn.bf16x2.f32, pairs");
  measure_operation<ToE4m3>("cvt.rn.satfinite.e4m3x2.f32, pairs");
  measure_operation<Shuffle>("shfl.xor");
  measure_softmax();
}

}  // namespace measured
