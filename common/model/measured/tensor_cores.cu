// Tensor cores: WGMMA and mma.sync, cycles an instruction on one multiprocessor, and what the whole
// GPU sustains.
#include <cuda_bf16.h>

#include "measure.h"
#include "wgmma.h"

namespace measured {
namespace {

constexpr int shared_bytes = 128 * 1024;
constexpr int instructions = 16, loops = 200;

// Rows of 128 bytes in the 128-byte swizzle, eight of them 1024 bytes apart: the layout of a tile
// that TMA has brought.
__device__ std::uint64_t descriptor(const void* tile) {
  const auto address = static_cast<std::uint64_t>(__cvta_generic_to_shared(tile));
  return (address & 0x3ffff) >> 4 | std::uint64_t{1024 >> 4} << 32 | std::uint64_t{1} << 62;
}

// All operands are 1: every element of D is the number of terms, whatever the layout.
__device__ void fill_with_ones(std::uint32_t* shared, std::uint32_t ones) {
  for (int i = threadIdx.x; i < shared_bytes / 4; i += blockDim.x) shared[i] = ones;
  asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
  __syncthreads();
}

template <Type T>
__device__ constexpr std::uint32_t ones() {
  return T == Type::bf16 ? 0x3f803f80u : 0x38383838u;
}

// `Group` instructions between two waits; `wrong` counts elements that are not what they should be.
template <Type T, int N, bool InRegisters, int Group>
__global__ void products(long long* elapsed, int* wrong) {
  extern __shared__ __align__(1024) std::uint32_t shared[];
  fill_with_ones(shared, ones<T>());
  float d[N / 2] = {};
  const std::uint32_t a[4] = {ones<T>(), ones<T>(), ones<T>(), ones<T>()};
  const std::uint64_t left = descriptor(shared + threadIdx.x / 128 * 4096);
  const std::uint64_t right = descriptor(shared + 16384);
  const Timer timer;
  for (int i = 0; i < loops; ++i) {
    fence_products();
#pragma unroll
    for (int k = 0; k < Group; ++k) {
      if constexpr (InRegisters)
        wgmma<T, N>(d, a, right + k % 4 * 2);
      else
        wgmma<T, N>(d, left + k % 4 * 2, right + k % 4 * 2);
    }
    commit_products();
    wait_products<0>();
  }
  timer.stop(elapsed);
  // E4M3's sums have too few bits to be exact, as is measured below.
  const float exact = static_cast<float>(loops * Group * (T == Type::bf16 ? 16 : 32));
  for (const float x : d)
    if (T == Type::bf16 ? x != exact : !(x > 0 && x <= exact)) atomicAdd(wrong, 1);
}

// D = 2^exponent, then D += 1 a term: whether the sum is exact.
template <Type T>
__global__ void add_to_power(int exponent, int* exact) {
  extern __shared__ __align__(1024) std::uint32_t shared[];
  fill_with_ones(shared, ones<T>());
  const float start = exp2f(static_cast<float>(exponent));
  float d[32];
  for (float& x : d) x = start;
  fence_products();
  wgmma<T, 64>(d, descriptor(shared), descriptor(shared + 16384));
  commit_products();
  wait_products<0>();
  const float terms = T == Type::bf16 ? 16 : 32;
  if (threadIdx.x == 0) *exact = static_cast<double>(d[0]) == static_cast<double>(start) + terms;
}

// How many bits below the sum's first bit a term's own may stand and still count: the terms are
// aligned to the largest before they are added.
template <Type T>
double bits_of_sum() {
  Memory<int> exact(1);
  cudaFuncSetAttribute(add_to_power<T>, cudaFuncAttributeMaxDynamicSharedMemorySize, shared_bytes);
  int bits = 0;
  for (int exponent = 1; exponent < 40; ++exponent) {
    add_to_power<T><<<1, 128, shared_bytes>>>(exponent, exact.data);
    require(cudaDeviceSynchronize(), "add_to_power");
    if (!exact.read()[0]) break;
    bits = exponent;
  }
  return bits;
}

template <Type T, int N, bool InRegisters>
void measure_products() {
  Memory<int> wrong(1);
  const std::string name = std::string("wgmma m64n") + std::to_string(N) +
                           (T == Type::bf16 ? "k16 bf16" : "k32 e4m3") +
                           (InRegisters ? ", A in registers" : ", A in shared memory");
  for (const int groups : {1, 2})
    report("tensor", name + ", " + std::to_string(groups) + " warpgroup" + (groups > 1 ? "s" : ""),
           cycles(products<T, N, InRegisters, instructions>, groups * 128, shared_bytes,
                  groups * loops * instructions, wrong.data),
           "cycles");
  report("tensor", name + ", alone from issue to end",
         cycles(products<T, N, InRegisters, 1>, 128, shared_bytes, loops, wrong.data), "cycles");
  if (wrong.read()[0] != 0) std::fprintf(stderr, "%s: wrong result\n", name.c_str());
}

template <Type T, int N>
void measure_both_operands() {
  measure_products<T, N, false>();
  measure_products<T, N, true>();
}

// mma.sync of bf16, 8 accumulators a warp.
__global__ void warp_products(long long* elapsed, float* out) {
  const std::uint32_t one = 0x3f803f80u;
  const Timer timer;
  float d[8][4];
  for (auto& row : d)
    for (float& x : row) x = timer.zero();
  for (int i = 0; i < loops; ++i)
#pragma unroll
    for (int k = 0; k < 8; ++k)
      asm volatile(
          "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, "
          "{%4, %4, %4, %4}, {%4, %4}, {%0, %1, %2, %3};"
          : "+f"(d[k][0]), "+f"(d[k][1]), "+f"(d[k][2]), "+f"(d[k][3])
          : "r"(one));
  out[threadIdx.x] = d[0][0] + d[1][1] + d[2][2] + d[3][3] + d[4][0] + d[5][1] + d[6][2] + d[7][3];
  timer.stop(elapsed);
}

// Every multiprocessor: two warpgroups on random operands, as power depends on them.
__global__ void all_products(const std::uint32_t* random, long long* clocks, float* out,
                             int turns) {
  extern __shared__ __align__(1024) std::uint32_t shared[];
  for (int i = threadIdx.x; i < shared_bytes / 4; i += blockDim.x) shared[i] = random[i];
  asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
  __syncthreads();
  float d[128] = {};
  const std::uint64_t left = descriptor(shared + threadIdx.x / 128 * 4096);
  const std::uint64_t right = descriptor(shared + 16384);
  long long begin_ns, end_ns;
  asm volatile("mov.u64 %0, %globaltimer;" : "=l"(begin_ns));
  const long long begin = clock64();
  for (int i = 0; i < turns; ++i) {
    fence_products();
#pragma unroll
    for (int k = 0; k < 8; ++k) wgmma<Type::bf16, 256>(d, left + k % 4 * 2, right + k % 4 * 2);
    commit_products();
    wait_products<0>();
  }
  const long long end = clock64();
  asm volatile("mov.u64 %0, %globaltimer;" : "=l"(end_ns));
  if (threadIdx.x == 0) {
    clocks[2 * blockIdx.x] = end - begin;
    clocks[2 * blockIdx.x + 1] = end_ns - begin_ns;
  }
  float sum = 0;
  for (const float x : d) sum += x;
  if (sum == 12345.0f) out[0] = sum;
}

std::vector<std::uint32_t> random_bf16() {
  std::vector<std::uint32_t> pairs(shared_bytes / 4);
  std::uint64_t state = 1;
  const auto one = [&] {  // in (-1, 1)
    state = state * 6364136223846793005u + 1442695040888963407u;
    const float x = static_cast<float>(static_cast<std::int32_t>(state >> 32)) * 0x1p-31f;
    std::uint32_t bits;
    memcpy(&bits, &x, 4);
    return bits >> 16;
  };
  for (std::uint32_t& pair : pairs) pair = one() | one() << 16;
  return pairs;
}

void measure_all(bool zeros) {
  const int blocks = multiprocessors(), turns = 30'000;
  const std::vector<std::uint32_t> host = random_bf16();
  Memory<std::uint32_t> operands(host.size());
  if (!zeros) cudaMemcpy(operands.data, host.data(), host.size() * 4, cudaMemcpyHostToDevice);
  Memory<long long> clocks(2 * blocks);
  Memory<float> out(1);
  cudaFuncSetAttribute(all_products, cudaFuncAttributeMaxDynamicSharedMemorySize, shared_bytes);
  std::vector<double> tflops, mhz;
  for (int i = -2; i < 9; ++i) {
    const double ms = milliseconds([&] {
      all_products<<<blocks, 256, shared_bytes>>>(operands.data, clocks.data, out.data, turns);
    });
    if (i < 0) continue;
    const std::vector<long long> found = clocks.read();
    mhz.push_back(1e3 * static_cast<double>(found[0]) / static_cast<double>(found[1]));
    tflops.push_back(2.0 * 64 * 256 * 16 * 8 * 2 * turns * blocks / ms * 1e-9);
  }
  const std::string of = zeros ? "all multiprocessors, zeros" : "all multiprocessors, random bf16";
  report("tensor", of + ", m64n256k16", tflops, "TFLOP/s");
  report("tensor", of + ", clock held", mhz, "MHz");
}

}  // namespace

void measure_tensor_cores() {
  measure_both_operands<Type::bf16, 64>();
  measure_both_operands<Type::bf16, 128>();
  measure_both_operands<Type::bf16, 192>();
  measure_both_operands<Type::bf16, 256>();
  measure_both_operands<Type::e4m3, 64>();
  measure_both_operands<Type::e4m3, 128>();
  measure_both_operands<Type::e4m3, 256>();
  Memory<float> out(1024);
  for (const int warps : {4, 8, 16})
    report("tensor", "mma.sync m16n8k16 bf16, " + std::to_string(warps) + " warps",
           cycles(warp_products, warps * 32, 0, warps * loops * 8.0, out.data), "cycles");
  report("tensor", "wgmma bf16, a term counts up to so far below the sum",
         {bits_of_sum<Type::bf16>()}, "bits");
  report("tensor", "wgmma e4m3, a term counts up to so far below the sum",
         {bits_of_sum<Type::e4m3>()}, "bits");
  measure_all(true);
  measure_all(false);
}

}  // namespace measured
