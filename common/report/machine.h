// What a run stands on.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace flash {

// In bytes, as the system tells them; 0: there is none, or nobody says. The last level is often
// shared with programs that are not seen here.
struct CacheSizes {
  std::int64_t l1 = 0;  // of data
  std::int64_t l2 = 0, l3 = 0;

  std::int64_t last_level() const { return l3 > 0 ? l3 : l2; }
};

struct Machine {
  std::string cpu;  // model name
  int cores = 1;    // hardware threads
  CacheSizes caches = {};
  std::string simd = {};
  std::string compiler = {}, flags = {};
  std::string date = {};  // today's, year-month-day
};

// The ceilings that a stage's speed is a share of.
struct Peaks {
  double fma_gflops;  // fp32, 10^9 multiplications and additions a second
  double read_gbs;    // from memory, 10^9 bytes a second
  // The hardware's dot product of bf16 numbers, as kernels use it; 0 where there is none.
  double bf16_gflops = 0;
  double l2_gbs = 0;  // read from the second cache; 0: nobody says how large it is
  // fp32 FMA of operands that come from the first cache, as a matrix product's do.
  double fma_from_l1_gflops = 0;
};

// "Intel(R) Xeon(R) Processor, 2 of 4 cores, AVX-512, caches of 48 KiB, 2 MiB and 32 MiB,
// GCC 12.2.0 -O3 -march=native, 2026-01-31".
std::string machine_text(const Machine& machine, int threads);

nlohmann::ordered_json to_json(const Machine& machine);

}  // namespace flash
