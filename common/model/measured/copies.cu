// The copy engine: bulk copies from HBM and L2 into shared memory, announced at an mbarrier. (One
// dimension; tiles with a tensor map go through the same engine, a box of rows at a time.)
#include "barrier.h"
#include "measure.h"

namespace measured {
namespace {

constexpr std::size_t shared_bytes = 200 * 1024;

__device__ void copy(void* to, const void* from, unsigned bytes, std::uint64_t* barrier) {
  expect_bytes(barrier, bytes);
  asm volatile(
      "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];" ::
          "r"(address_of(to)),
      "l"(from), "r"(bytes), "r"(address_of(barrier))
      : "memory");
}

// One copy after the other, each from where nobody has read; or always the same place.
__global__ void copy_alone(long long* elapsed, const char* from, unsigned bytes, std::size_t step,
                           int copies) {
  extern __shared__ __align__(128) char shared[];
  __shared__ std::uint64_t barrier;
  if (threadIdx.x != 0) return;
  begin(&barrier, 1);
  long long sum = 0;
  for (int i = -1; i < copies; ++i) {  // the first warms up
    const long long issued = clock64();
    copy(shared, from + (i + 1) * step, bytes, &barrier);
    wait(&barrier, (i + 1) & 1);
    if (i >= 0) sum += clock64() - issued;
  }
  *elapsed = sum;
}

// `Depth` copies in flight from a part of its own of `from`, over and over. A part is a power of
// two of bytes: the thread that issues has no time for a division.
template <int Depth>
__global__ void copy_stream(long long* elapsed, const char* from, unsigned bytes,
                            std::size_t bytes_a_block, int copies) {
  extern __shared__ __align__(128) char shared[];
  __shared__ std::uint64_t barriers[Depth];
  if (threadIdx.x != 0) return;
  for (int d = 0; d < Depth; ++d) begin(&barriers[d], 1);
  const char* const own = from + blockIdx.x * bytes_a_block;
  const auto issue = [&](int i) {
    copy(shared + i % Depth * bytes, own + (std::size_t{bytes} * i & (bytes_a_block - 1)), bytes,
         &barriers[i % Depth]);
  };
  const long long start = clock64();
  for (int i = 0; i < Depth; ++i) issue(i);
  for (int i = 0; i < copies; ++i) {
    wait(&barriers[i % Depth], i / Depth & 1);
    if (i + Depth < copies) issue(i + Depth);
  }
  if (blockIdx.x == 0) *elapsed = clock64() - start;
}

void measure_latency(const Memory<char>& memory) {
  for (const unsigned bytes : {1024u, 8192u, 16384u, 32768u}) {
    const std::string size = std::to_string(bytes / 1024) + " KiB";
    report("copies", "bulk copy of " + size + " from L2, issue to wait",
           cycles(copy_alone, 32, shared_bytes, 64, memory.data, bytes, std::size_t{0}, 64),
           "cycles");
    const ColdCache cold;
    report("copies", "bulk copy of " + size + " from HBM, issue to wait",
           cycles(copy_alone, 32, shared_bytes, 64, memory.data, bytes, std::size_t{8} << 20, 64),
           "cycles");
  }
}

void measure_rate_of_one(const Memory<char>& memory) {
  constexpr int copies = 2000;
  for (const unsigned bytes : {8192u, 16384u}) {
    std::vector<double> rate = cycles(copy_stream<8>, 32, shared_bytes, 1, memory.data, bytes,
                                      std::size_t{8} << 20, copies);
    for (double& value : rate) value = 1.0 * bytes * copies / value;
    report("copies",
           "one multiprocessor, from L2, 8 in flight of " + std::to_string(bytes / 1024) + " KiB",
           rate, "bytes a clock");
  }
}

void measure_rate_of_all(const Memory<char>& memory, std::size_t bytes_a_block, const char* where) {
  constexpr unsigned bytes = 16384;
  constexpr int copies = 2048;
  Memory<long long> elapsed(1);
  cudaFuncSetAttribute(copy_stream<8>, cudaFuncAttributeMaxDynamicSharedMemorySize, shared_bytes);
  std::vector<double> rate;
  for (int i = -1; i < 9; ++i) {
    const double ms = milliseconds([&] {
      copy_stream<8><<<multiprocessors(), 32, shared_bytes>>>(elapsed.data, memory.data, bytes,
                                                              bytes_a_block, copies);
    });
    if (i >= 0) rate.push_back(1.0 * bytes * copies * multiprocessors() / ms * 1e-9);
  }
  report("copies", std::string("all multiprocessors, from ") + where, rate, "TB/s");
}

}  // namespace

void measure_copies() {
  const Memory<char> memory(std::size_t{5} << 30);
  measure_latency(memory);
  measure_rate_of_one(memory);
  measure_rate_of_all(memory, std::size_t{1} << 17, "L2 (17 MB)");
  measure_rate_of_all(memory, std::size_t{1} << 25, "HBM (4 GB)");
}

}  // namespace measured
