// The whole GPU under tensor load: WGMMA on every SM for about a second, what rate that gives and
// to what clock the GPU falls. Power depends on the data, so normal random numbers and zeros are
// timed.
#include <cstdio>

#include "products.cuh"

namespace measured {
namespace {

constexpr int group = 16, warpgroups = 2;

struct Sample {
  double watts = 0, sm_mhz = 0, memory_mhz = 0, celsius = 0;
};

Sample ask_nvidia_smi() {
  Sample sample;
  FILE* pipe = popen(
      "nvidia-smi --query-gpu=power.draw.instant,clocks.sm,clocks.mem,temperature.gpu"
      " --format=csv,noheader,nounits 2>/dev/null",
      "r");
  if (!pipe) return sample;
  if (std::fscanf(pipe, "%lf, %lf, %lf, %lf", &sample.watts, &sample.sm_mhz, &sample.memory_mhz,
                  &sample.celsius) != 4)
    sample = {};
  pclose(pipe);
  return sample;
}

constexpr int launches = 300;  // of about 6 ms; only the second half counts, the clock has settled

struct Load {
  std::vector<Window> windows;  // [launch][block]
  double seconds;               // of the second half
  Sample sample;                // taken while the second half ran
};

template <class Type, int N, bool FromRegisters>
Load load_gpu(Draw draw, int groups) {
  const int blocks = multiprocessors();
  const Operands<Type> operands(draw);
  const auto kernel = products<Type, N, FromRegisters, group>;
  allow_shared_memory(kernel, products_shared_bytes);
  Buffer<float> out(2 * 64 * N);
  Buffer<Window> windows(static_cast<std::size_t>(blocks) * launches);
  cudaEvent_t events[2];
  for (cudaEvent_t& event : events) check(cudaEventCreate(&event));
  for (int launch = 0; launch < launches; ++launch) {
    if (launch == launches / 2) check(cudaEventRecord(events[0]));
    kernel<<<blocks, 128 * warpgroups, products_shared_bytes>>>(
        operands.left.data(), operands.right.data(), out.data(), windows.data() + launch * blocks,
        groups);
  }
  check(cudaEventRecord(events[1]));
  check(cudaEventSynchronize(events[0]));
  const Sample sample = ask_nvidia_smi();
  finish_kernel();
  float milliseconds = 0;
  check(cudaEventElapsedTime(&milliseconds, events[0], events[1]));
  for (const cudaEvent_t event : events) check(cudaEventDestroy(event));
  return {windows.read(), 1e-3 * milliseconds, sample};
}

std::vector<double> clocks_mhz(const Load& load) {  // of each launch
  const std::size_t blocks = load.windows.size() / launches;
  std::vector<double> clocks;
  for (std::size_t launch = 0; launch < launches; ++launch) {
    double cycles = 0, nanoseconds = 0;
    for (std::size_t block = 0; block < blocks; ++block) {
      const Window& window = load.windows[launch * blocks + block];
      cycles += static_cast<double>(window.cycles);
      nanoseconds += static_cast<double>(window.nanoseconds);
    }
    clocks.push_back(1e3 * cycles / nanoseconds);
  }
  return clocks;
}

template <class Type, int N, bool FromRegisters>
Figures measure_load(Draw draw) {
  constexpr int groups = 2 * 10'000'000 / (group * N * warpgroups);  // N / 2 cycles each
  const Load load = load_gpu<Type, N, FromRegisters>(draw, groups);
  const std::vector<double> clocks = clocks_mhz(load);
  std::vector<double> cycles;  // of each block in the second half
  for (std::size_t i = load.windows.size() / 2; i < load.windows.size(); ++i)
    cycles.push_back(static_cast<double>(load.windows[i].cycles));
  const double instructions = 1.0 * groups * group * warpgroups;
  const double operations = 2.0 * 64 * N * Type::inner * instructions * cycles.size();
  Figures figures;
  figures.add("tflops", 1e-12 * operations / load.seconds);
  figures.add("sm_clock_mhz_first_6_ms", clocks.front());
  figures.add("sm_clock_mhz_sustained", spread({clocks.begin() + launches / 2, clocks.end()}));
  figures.add("cycles_per_instruction", spread(cycles) / instructions);
  figures.add("watts", load.sample.watts).add("celsius", load.sample.celsius);
  return figures.add("memory_clock_mhz", load.sample.memory_mhz);
}

}  // namespace

void measure_tensor_load(Report& report) {
  report.test("bf16_m64n256k16_zeros", [] { return measure_load<Bf16, 256, false>(zeros); });
  report.test("bf16_m64n256k16_random", [] { return measure_load<Bf16, 256, false>(normal); });
  report.test("bf16_m64n128k16_random", [] { return measure_load<Bf16, 128, false>(normal); });
  report.test("bf16_m64n128k16_random_left_in_registers",
              [] { return measure_load<Bf16, 128, true>(normal); });
  report.test("f16_m64n256k16_random", [] { return measure_load<F16, 256, false>(normal); });
  report.test("e4m3_m64n224k32_random", [] { return measure_load<E4m3, 224, false>(normal); });
}

}  // namespace measured
