// WGMMA: cycles per instruction of every shape, with one warpgroup and with two, and the latency of
// a single instruction that is waited for. One block on one SM, everything in shared memory.
#include "products.cuh"

namespace measured {
namespace {

constexpr int rate_group = 16;  // instructions per commit, two groups in flight

struct Measured {
  Timing timing;
  int wrong_elements;
};

template <class Type, int N, bool FromRegisters, int Group>
Measured time_products(const Operands<Type>& operands, int warpgroups, int groups) {
  const auto kernel = products<Type, N, FromRegisters, Group>;
  allow_shared_memory(kernel, products_shared_bytes);
  Buffer<float> out(2 * 64 * N);
  Buffer<Window> window(1);
  const auto run = [&](Window* windows, int count) {
    kernel<<<1, 128 * warpgroups, products_shared_bytes>>>(
        operands.left.data(), operands.right.data(), out.data(), windows, count);
  };
  run(window.data(), 2);
  finish_kernel();
  const int steps = std::min(Group, tile_steps);
  const int wrong = wrong_elements<N>(operands, out.read(), warpgroups, steps, 2 * Group / steps);
  return {time_in_kernel([&](Window* windows) { run(windows, groups); }), wrong};
}

template <class Type, int N, bool FromRegisters>
Figures measure_shape(const Operands<Type>& operands) {
  const int groups = 50'000 / N;  // about 400 000 cycles
  int wrong = 0;
  Figures figures;
  for (int warpgroups = 1; warpgroups <= 2; ++warpgroups) {
    const auto [timing, wrong_here] =
        time_products<Type, N, FromRegisters, rate_group>(operands, warpgroups, groups);
    wrong += wrong_here;
    const double instructions = 1.0 * groups * rate_group * warpgroups;
    const std::string suffix = warpgroups == 1 ? "_1_warpgroup" : "_2_warpgroups";
    figures.add("cycles_per_instruction" + suffix, timing.cycles / instructions);
    if (warpgroups == 2) figures.add("sm_clock_mhz", timing.clock_mhz);
  }
  const auto [alone, wrong_alone] = time_products<Type, N, FromRegisters, 1>(operands, 1, 512);
  figures.add("latency_cycles", alone.cycles / 512);
  figures.add("floating_point_operations", 2.0 * 64 * N * Type::inner);
  figures.add(wrong_results, wrong + wrong_alone);
  return figures;
}

template <class Type, int... N>
void measure_type(Report& report, const std::string& type) {
  const Operands<Type> operands(small_integers);
  const auto measure = [&]<int Columns>() {
    const std::string name =
        "m64n" + std::to_string(Columns) + "k" + std::to_string(Type::inner) + "_" + type;
    report.test(name + "_left_in_shared_memory",
                [&] { return measure_shape<Type, Columns, false>(operands); });
    report.test(name + "_left_in_registers",
                [&] { return measure_shape<Type, Columns, true>(operands); });
  };
  (measure.template operator()<N>(), ...);
}

}  // namespace

void measure_wgmma(Report& report) {
  measure_type<Bf16, 64, 80, 128, 176, 192, 256>(report, "bf16");
  measure_type<F16, 64, 80, 128, 176, 192, 256>(report, "f16");
  measure_type<E4m3, 64, 128, 224>(report, "e4m3");
}

}  // namespace measured
