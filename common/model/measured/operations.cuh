// The instructions of a softmax, each as a chain: x = operation(x, a, b).
#pragma once

#include <bit>

#include "measure.cuh"

namespace measured {

// x of each lane, then a and b. They come from memory, so that nothing is folded and no operand
// sits in a uniform register.
inline std::vector<float> start_values() {
  std::vector<float> values(32, 1.0f);
  values.insert(values.end(), {1, 3});
  return values;
}

// Operations on a float, or on what is packed in its 32 bits. `instructions` says how many
// instructions one application is, `results` how many numbers it makes; `expected` what a chain
// that starts at x = 1 ends at.
struct Exp2 {  // of -x, which costs nothing and converges
  static constexpr char name[] = "ex2_f32";
  static constexpr int instructions = 1, results = 1;
  static __device__ float apply(float x, float, float) {
    float y;
    asm volatile("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(-x));
    return y;
  }
  static float expected(double) { return 0.6411857f; }  // 2^-x = x
};
struct Exp2Half2 {
  static constexpr char name[] = "ex2_f16x2";
  static constexpr int instructions = 1, results = 2;
  static __device__ float apply(float x, float, float) {
    std::uint32_t y;
    asm volatile("ex2.approx.f16x2 %0, %1;" : "=r"(y) : "r"(__float_as_uint(x)));
    return __uint_as_float(y);
  }
  static float expected(double) { return std::bit_cast<float>(0x7c007c00); }  // infinities
};
struct MultiplyAdd {
  static constexpr char name[] = "fma_f32";
  static constexpr int instructions = 1, results = 1;
  static __device__ float apply(float x, float a, float b) { return __fmaf_rn(x, a, b); }
  static float expected(double count) { return static_cast<float>(1 + 3 * count); }
};
struct Add {
  static constexpr char name[] = "add_f32";
  static constexpr int instructions = 1, results = 1;
  static __device__ float apply(float x, float a, float) { return __fadd_rn(x, a); }
  static float expected(double count) { return static_cast<float>(1 + count); }
};
struct Multiply {
  static constexpr char name[] = "mul_f32";
  static constexpr int instructions = 1, results = 1;
  static __device__ float apply(float x, float a, float) { return __fmul_rn(x, a); }
  static float expected(double) { return 1; }
};
struct Maximum {  // and a minimum, so that a chain does not fold
  static constexpr char name[] = "max_f32";
  static constexpr int instructions = 2, results = 2;
  static __device__ float apply(float x, float a, float b) {
    float y;
    asm volatile("min.f32 %0, %1, %2;" : "=f"(y) : "f"(x), "f"(a));
    asm volatile("max.f32 %0, %1, %2;" : "=f"(x) : "f"(y), "f"(b));
    return x;
  }
  static float expected(double) { return 3; }
};
struct ToBf16 {
  static constexpr char name[] = "cvt_bf16x2_f32";
  static constexpr int instructions = 1, results = 2;
  static __device__ float apply(float x, float a, float) {
    std::uint32_t y;
    asm volatile("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(y) : "f"(x), "f"(a));
    return __uint_as_float(y);
  }
  static float expected(double) { return std::bit_cast<float>(0x3f803f80); }
};
struct ToF16 {
  static constexpr char name[] = "cvt_f16x2_f32";
  static constexpr int instructions = 1, results = 2;
  static __device__ float apply(float x, float a, float) {
    std::uint32_t y;
    asm volatile("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(y) : "f"(x), "f"(a));
    return __uint_as_float(y);
  }
  static float expected(double) { return std::bit_cast<float>(0x00003c00); }
};
struct ToE4m3 {  // two pairs into one register, as P is packed; the second one merges with the
                 // first
  static constexpr char name[] = "cvt_e4m3x2_f32";
  static constexpr int instructions = 2, results = 4;
  static __device__ float apply(float x, float a, float b) {
    std::uint32_t y;
    asm volatile(
        "{.reg .b16 low, high;\ncvt.rn.satfinite.e4m3x2.f32 low, %2, %1;\n"
        "cvt.rn.satfinite.e4m3x2.f32 high, %1, %3;\nmov.b32 %0, {low, high};\n}"
        : "=r"(y)
        : "f"(x), "f"(a), "f"(b));
    return __uint_as_float(y);
  }
  static float expected(double) { return std::bit_cast<float>(0x00443800); }
};
struct Shuffle {
  static constexpr char name[] = "shfl_xor";
  static constexpr int instructions = 1, results = 1;
  static __device__ float apply(float x, float, float) {
    float y;
    asm volatile("shfl.sync.bfly.b32 %0, %1, 1, 31, -1;" : "=f"(y) : "f"(x));
    return y;
  }
  static float expected(double) { return 1; }
};

// Applies it to `Chains` independent values, 256 instructions per round.
template <class Operation, int Chains>
__device__ void apply_rounds(float (&x)[Chains], float a, float b, int rounds) {
  constexpr int steps = 256 / Chains / Operation::instructions;
#pragma unroll 1
  for (int round = 0; round < rounds; ++round)
#pragma unroll
    for (int step = 0; step < steps; ++step)
#pragma unroll
      for (float& value : x) value = Operation::apply(value, a, b);
}

}  // namespace measured
