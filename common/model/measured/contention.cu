// How much the instructions of a softmax slow down while another warpgroup keeps the tensor cores
// busy with m64n128k16, and the other way round. The loop that is timed is the shorter one.
#include "operations.cuh"
#include "softmax.cuh"

namespace measured {
namespace {

constexpr int chains = 8;
constexpr int contention_shared_bytes = 128 * 128 + 1024;

// Warpgroup 0 multiplies, the others apply the operation.
template <class Operation, bool FromRegisters>
__global__ void __launch_bounds__(384, 1)
    beside_products(const uint4* rows, const float* start, float* out, Window* windows, int rounds,
                    int groups) {
  extern __shared__ unsigned char memory[];
  unsigned char* tile = aligned_tiles(memory);
  copy_swizzled(tile, rows, 128);
  fence_shared_memory();
  const int warpgroup = threadIdx.x / 128;
  __syncthreads();
  if (warpgroup == 0) {
    const Stopwatch watch;
    out[threadIdx.x] = products_of_one_warpgroup<FromRegisters>(tile, rows, groups);
    if (threadIdx.x == 0) windows[0] = watch.read();
    return;
  }
  float x[chains];
  for (float& value : x) value = start[threadIdx.x % 32];
  const float a = start[32], b = start[33];
  const Stopwatch watch;
  apply_rounds<Operation>(x, a, b, rounds);
  const Window window = watch.read();
  if (threadIdx.x % 128 == 0) windows[warpgroup] = window;
  float sum = 0;
  for (const float value : x) sum += value;
  out[threadIdx.x] = sum;
}

struct Cycles {
  Spread products, operations;
};

template <class Operation, bool FromRegisters>
Cycles run(int warpgroups, int rounds, int groups) {
  const auto kernel = beside_products<Operation, FromRegisters>;
  allow_shared_memory(kernel, contention_shared_bytes);
  const Operands<Bf16> operands(normal);
  const Buffer<float> start(start_values());
  Buffer<float> out(128 * (1 + warpgroups));
  Buffer<Window> windows(1 + warpgroups);
  std::vector<double> products, operations;
  for (int repeat = -1; repeat < 5; ++repeat) {
    kernel<<<1, 128 * (1 + warpgroups), contention_shared_bytes>>>(
        operands.right.data(), start.data(), out.data(), windows.data(), rounds, groups);
    finish_kernel();
    const std::vector<Window> found = windows.read();
    if (repeat < 0) continue;
    products.push_back(static_cast<double>(found.front().cycles));
    unsigned long long longest = 0;
    for (int i = 1; i <= warpgroups; ++i) longest = std::max(longest, found[i].cycles);
    operations.push_back(static_cast<double>(longest));
  }
  return {spread(products), spread(operations)};
}

template <class Operation, bool FromRegisters>
Figures measure_beside(int warpgroups) {
  constexpr int rounds = 64, groups = 256;  // a group takes 512 cycles
  constexpr double instructions = 256.0 * rounds;
  const double results =
      128.0 * warpgroups * instructions * Operation::results / Operation::instructions;
  const Cycles alone = run<Operation, FromRegisters>(warpgroups, rounds, 0);
  const Cycles beside = run<Operation, FromRegisters>(warpgroups, rounds, 10 * groups);
  const Cycles products = run<Operation, FromRegisters>(warpgroups, 16 * rounds, groups);
  Figures figures;
  figures.add("results_per_cycle_alone", rate(results, alone.operations));
  figures.add("results_per_cycle_beside_products", rate(results, beside.operations));
  return figures.add("products_cycles_per_instruction", products.products / (8.0 * groups));
}

template <class... Operation>
void measure_operations(Report& report) {
  const auto measure = [&]<class One>() {
    for (const int warpgroups : {1, 2}) {
      const std::string name = std::string(One::name) + "_in_" + std::to_string(warpgroups) +
                               (warpgroups == 1 ? "_warpgroup" : "_warpgroups");
      report.test(name + "_left_in_shared_memory",
                  [&] { return measure_beside<One, false>(warpgroups); });
      report.test(name + "_left_in_registers",
                  [&] { return measure_beside<One, true>(warpgroups); });
    }
  };
  (measure.template operator()<Operation>(), ...);
}

}  // namespace

void measure_contention(Report& report) {
  measure_operations<Exp2, MultiplyAdd, Add, Multiply, Maximum, ToBf16, Shuffle>(report);
}

}  // namespace measured
