// WGMMA: D [64, N] += A [64, K] B [K, N], for a few N. PTX names every register of D.
#pragma once

#include <cstdint>

namespace measured {

#define LIST_32                                                                           \
  "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, " \
  "%19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31"
#define LIST_64                                                                           \
  LIST_32                                                                                 \
  ", "                                                                                    \
  "%32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, %48, " \
  "%49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63"
#define LIST_96                                                                           \
  LIST_64                                                                                 \
  ", "                                                                                    \
  "%64, %65, %66, %67, %68, %69, %70, %71, %72, %73, %74, %75, %76, %77, %78, %79, %80, " \
  "%81, %82, %83, %84, %85, %86, %87, %88, %89, %90, %91, %92, %93, %94, %95"
#define LIST_128                                                                           \
  LIST_96                                                                                  \
  ", "                                                                                     \
  "%96, %97, %98, %99, %100, %101, %102, %103, %104, %105, %106, %107, %108, %109, %110, " \
  "%111, %112, %113, %114, %115, %116, %117, %118, %119, %120, %121, %122, %123, %124, "   \
  "%125, %126, %127"

#define IN_OUT_8(d, i)                                                                        \
  "+f"(d[i]), "+f"(d[i + 1]), "+f"(d[i + 2]), "+f"(d[i + 3]), "+f"(d[i + 4]), "+f"(d[i + 5]), \
      "+f"(d[i + 6]), "+f"(d[i + 7])
#define IN_OUT_32_AT(d, i) \
  IN_OUT_8(d, i), IN_OUT_8(d, i + 8), IN_OUT_8(d, i + 16), IN_OUT_8(d, i + 24)
#define IN_OUT_32(d) IN_OUT_32_AT(d, 0)
#define IN_OUT_64(d) IN_OUT_32_AT(d, 0), IN_OUT_32_AT(d, 32)
#define IN_OUT_96(d) IN_OUT_64(d), IN_OUT_32_AT(d, 64)
#define IN_OUT_128(d) IN_OUT_96(d), IN_OUT_32_AT(d, 96)

enum class Type { bf16, e4m3 };

// Operands in shared memory, through descriptors.
template <Type T, int N>
__device__ void wgmma(float (&d)[N / 2], std::uint64_t a, std::uint64_t b);

// A in registers.
template <Type T, int N>
__device__ void wgmma(float (&d)[N / 2], const std::uint32_t (&a)[4], std::uint64_t b);

#define PRODUCT(text) \
  "{ .reg .pred add; setp.ne.b32 add, 1, 0; wgmma.mma_async.sync.aligned." text " }"

// The operands of PTX have numbers: `A`, `B` and those of a left operand in registers follow D's.
#define DEFINE_WGMMA(T, K, N, R, A0, A1, A2, A3, B1, TRANSPOSE_AB, TRANSPOSE_B)              \
  template <>                                                                                \
  __device__ inline void wgmma<Type::T, N>(float(&d)[R], std::uint64_t a, std::uint64_t b) { \
    asm volatile(PRODUCT("m64n" #N "k" #K ".f32." #T "." #T " {" LIST_##R                    \
                         "}, %" #A0 ", %" #A1 ", add, 1, 1" TRANSPOSE_AB ";")                \
                 : IN_OUT_##R(d)                                                             \
                 : "l"(a), "l"(b));                                                          \
  }                                                                                          \
  template <>                                                                                \
  __device__ inline void wgmma<Type::T, N>(float(&d)[R], const std::uint32_t(&a)[4],         \
                                           std::uint64_t b) {                                \
    asm volatile(PRODUCT("m64n" #N "k" #K ".f32." #T "." #T " {" LIST_##R                    \
                         "}, {%" #A0 ", %" #A1 ", %" #A2 ", %" #A3 "}, %" #B1                \
                         ", add, 1, 1" TRANSPOSE_B ";")                                      \
                 : IN_OUT_##R(d)                                                             \
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b));                      \
  }

#define DEFINE_WGMMAS(N, R, A0, A1, A2, A3, B1)                     \
  DEFINE_WGMMA(bf16, 16, N, R, A0, A1, A2, A3, B1, ", 0, 0", ", 0") \
  DEFINE_WGMMA(e4m3, 32, N, R, A0, A1, A2, A3, B1, "", "")

DEFINE_WGMMAS(64, 32, 32, 33, 34, 35, 36)
DEFINE_WGMMAS(128, 64, 64, 65, 66, 67, 68)
DEFINE_WGMMAS(192, 96, 96, 97, 98, 99, 100)
DEFINE_WGMMAS(256, 128, 128, 129, 130, 131, 132)

__device__ inline void fence_products() {
  asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
}
__device__ inline void commit_products() {
  asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
}
template <int Pending>
__device__ void wait_products() {
  asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(Pending) : "memory");
}

}  // namespace measured
