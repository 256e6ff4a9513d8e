// The WGMMA instruction in every shape that is measured, and what it needs around it. A warpgroup
// multiplies 64 rows of A by N rows of B (both K-major): d[64, N] += A[64, 32 bytes] B[N, 32
// bytes]ᵀ.
#pragma once

#include <cstdint>

namespace measured {

// Element types. All advance 32 bytes along K. The tail sets the transposition of 16-bit operands.
struct F16 {
  static constexpr int inner = 16;  // elements along K
  static constexpr char shape[] = "k16.f32.f16.f16";
  static constexpr char tail_shared[] = ", 0, 0";
  static constexpr char tail_registers[] = ", 0";
};
struct Bf16 {
  static constexpr int inner = 16;
  static constexpr char shape[] = "k16.f32.bf16.bf16";
  static constexpr char tail_shared[] = ", 0, 0";
  static constexpr char tail_registers[] = ", 0";
};
struct E4m3 {
  static constexpr int inner = 32;
  static constexpr char shape[] = "k32.f32.e4m3.e4m3";
  static constexpr char tail_shared[] = "";
  static constexpr char tail_registers[] = "";
};

__device__ inline void wgmma_fence() {
  asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
}
__device__ inline void wgmma_commit() {
  asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
}
template <int InFlight>
__device__ inline void wgmma_wait() {
  asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(InFlight) : "memory");
}

// The compiler moves no computation of these values across.
template <int Count>
__device__ inline void pin(float (&values)[Count]) {
  for (float& value : values) asm volatile("" : "+f"(value)::"memory");
}

// Waits, and keeps the compiler from reading these accumulators before.
template <int InFlight, int Count>
__device__ inline void wgmma_wait(float (&d)[Count]) {
  wgmma_wait<InFlight>();
  pin(d);
}

// A tile in shared memory with rows of 128 bytes, swizzled, at a multiple of 1024 bytes; the next
// 32 bytes along K are `+ 2`.
__device__ inline std::uint64_t descriptor(const void* tile) {
  const auto address = static_cast<std::uint64_t>(__cvta_generic_to_shared(tile));
  constexpr std::uint64_t eight_rows = 1024 >> 4, swizzle_128_bytes = 1;
  return (address >> 4 & 0x3fff) | 1ull << 16 | eight_rows << 32 | swizzle_128_bytes << 62;
}

// Copies rows of 128 bytes into such a tile, with all threads of the block.
__device__ inline void copy_swizzled(unsigned char* tile, const uint4* rows, int count) {
  for (int i = threadIdx.x; i < count * 8; i += blockDim.x) {
    const int row = i / 8, chunk = i % 8;
    *reinterpret_cast<uint4*>(tile + row * 128 + (chunk ^ row % 8) * 16) = rows[i];
  }
}

// Makes what threads stored visible to the tensor cores and to the copy engine.
__device__ inline void fence_shared_memory() {
  asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
}

// The left operand of one instruction in registers: the same bytes as in shared memory.
__device__ inline void load_left(std::uint32_t (&a)[4], const uint4* rows, int step) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(rows);
  const int row = threadIdx.x / 32 % 4 * 16 + threadIdx.x % 32 / 4;
  const int column = step * 32 + threadIdx.x % 4 * 4;
  for (int i = 0; i < 4; ++i)
    a[i] = *reinterpret_cast<const std::uint32_t*>(bytes + (row + i % 2 * 8) * 128 + column +
                                                   i / 2 * 16);
}

template <class Type, int N>
struct Wgmma;

// An instruction names each of its N / 2 accumulators, so text and operands are spelled out by
// eights. In WGMMA_SHAPE, `c` and `e` to `j` number the operands behind the accumulators, d.
#define WGMMA_TEXT_32                                                                     \
  "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, " \
  "%19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31"
#define WGMMA_TEXT_40 WGMMA_TEXT_32 ", %32, %33, %34, %35, %36, %37, %38, %39"
#define WGMMA_TEXT_64                                                        \
  WGMMA_TEXT_40                                                              \
  ", %40, %41, %42, %43, %44, %45, %46, %47, %48, %49, %50, %51, %52, %53, " \
  "%54, %55, %56, %57, %58, %59, %60, %61, %62, %63"
#define WGMMA_TEXT_88                                                        \
  WGMMA_TEXT_64                                                              \
  ", %64, %65, %66, %67, %68, %69, %70, %71, %72, %73, %74, %75, %76, %77, " \
  "%78, %79, %80, %81, %82, %83, %84, %85, %86, %87"
#define WGMMA_TEXT_96 WGMMA_TEXT_88 ", %88, %89, %90, %91, %92, %93, %94, %95"
#define WGMMA_TEXT_112                                                     \
  WGMMA_TEXT_96                                                            \
  ", %96, %97, %98, %99, %100, %101, %102, %103, %104, %105, %106, %107, " \
  "%108, %109, %110, %111"
#define WGMMA_TEXT_128                                                         \
  WGMMA_TEXT_112                                                               \
  ", %112, %113, %114, %115, %116, %117, %118, %119, %120, %121, %122, %123, " \
  "%124, %125, %126, %127"

#define WGMMA_8(i)                                                                            \
  "+f"(d[i]), "+f"(d[i + 1]), "+f"(d[i + 2]), "+f"(d[i + 3]), "+f"(d[i + 4]), "+f"(d[i + 5]), \
      "+f"(d[i + 6]), "+f"(d[i + 7])
#define WGMMA_REGISTERS_32 WGMMA_8(0), WGMMA_8(8), WGMMA_8(16), WGMMA_8(24)
#define WGMMA_REGISTERS_40 WGMMA_REGISTERS_32, WGMMA_8(32)
#define WGMMA_REGISTERS_64 WGMMA_REGISTERS_40, WGMMA_8(40), WGMMA_8(48), WGMMA_8(56)
#define WGMMA_REGISTERS_88 WGMMA_REGISTERS_64, WGMMA_8(64), WGMMA_8(72), WGMMA_8(80)
#define WGMMA_REGISTERS_96 WGMMA_REGISTERS_88, WGMMA_8(88)
#define WGMMA_REGISTERS_112 WGMMA_REGISTERS_96, WGMMA_8(96), WGMMA_8(104)
#define WGMMA_REGISTERS_128 WGMMA_REGISTERS_112, WGMMA_8(112), WGMMA_8(120)

// `Accumulate` false overwrites d.
#define WGMMA_SHAPE(n, half, c, e, f, g, h, i, j)                                                 \
  template <class Type>                                                                           \
  struct Wgmma<Type, n> {                                                                         \
    template <bool Accumulate = true>                                                             \
    static __device__ void shared(float (&d)[half], std::uint64_t a, std::uint64_t b) {           \
      asm volatile(                                                                               \
          "{\n.reg .pred p;\nsetp.ne.b32 p, %" #e ", 0;\nwgmma.mma_async.sync.aligned.m64n" #n    \
          "%" #f " {" WGMMA_TEXT_##half "}, %" #c ", %" #h ", p, 1, 1%" #g ";\n}\n"               \
          : WGMMA_REGISTERS_##half                                                                \
          : "l"(a), "n"(Accumulate ? 1 : 0), "C"(Type::shape), "C"(Type::tail_shared), "l"(b));   \
    }                                                                                             \
    static __device__ void registers(float (&d)[half], const std::uint32_t (&a)[4],               \
                                     std::uint64_t b) {                                           \
      asm volatile("{\n.reg .pred p;\nsetp.ne.b32 p, 1, 0;\nwgmma.mma_async.sync.aligned.m64n" #n \
                   "%" #i " {" WGMMA_TEXT_##half "}, {%" #c ", %" #e ", %" #f ", %" #g "}, %" #h  \
                                                 ", p, 1, 1%" #j ";\n}\n"                         \
                   : WGMMA_REGISTERS_##half                                                       \
                   : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b), "C"(Type::shape),        \
                     "C"(Type::tail_registers));                                                  \
    }                                                                                             \
  };

WGMMA_SHAPE(64, 32, 32, 33, 34, 35, 36, 37, 38)
WGMMA_SHAPE(80, 40, 40, 41, 42, 43, 44, 45, 46)
WGMMA_SHAPE(128, 64, 64, 65, 66, 67, 68, 69, 70)
WGMMA_SHAPE(176, 88, 88, 89, 90, 91, 92, 93, 94)
WGMMA_SHAPE(192, 96, 96, 97, 98, 99, 100, 101, 102)
WGMMA_SHAPE(224, 112, 112, 113, 114, 115, 116, 117, 118)
WGMMA_SHAPE(256, 128, 128, 129, 130, 131, 132, 133, 134)

}  // namespace measured
