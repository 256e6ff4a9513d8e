// Starting kernels and blocks.
#include "measure.h"

namespace measured {
namespace {

__global__ void nothing() {}

__global__ void touch_shared() {
  extern __shared__ float shared[];
  if (threadIdx.x == 2000) shared[0] = 0;
}

template <class Work>
std::vector<double> microseconds(int launches, const Work& work) {
  std::vector<double> values;
  for (int i = -2; i < 15; ++i) {
    const double ms = milliseconds([&] {
      for (int k = 0; k < launches; ++k) work();
    });
    if (i >= 0) values.push_back(1e3 * ms / launches);
  }
  return values;
}

}  // namespace

void measure_launches() {
  report("launches", "empty kernels one after the other",
         microseconds(1000, [] { nothing<<<1, 1>>>(); }), "us a kernel");
  constexpr int rounds = 200, shared_bytes = 200 * 1024;
  cudaFuncSetAttribute(touch_shared, cudaFuncAttributeMaxDynamicSharedMemorySize, shared_bytes);
  for (const int threads : {128, 384}) {
    std::vector<double> us = microseconds(
        1, [=] { touch_shared<<<multiprocessors() * rounds, threads, shared_bytes>>>(); });
    for (double& value : us) value = 1e3 * value / rounds;
    report("launches", "an empty block with 200 KiB, " + std::to_string(threads) + " threads", us,
           "ns a block");
  }
}

}  // namespace measured
