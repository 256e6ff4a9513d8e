#include "bench/read_memory.h"

#include <algorithm>

#include "bench/machine.h"
#include "tile/cpu/simd/simd.h"

namespace flash {
namespace {

using tile::cpu::lanes;
using tile::cpu::Vec;

constexpr int streams = 8;
constexpr std::int64_t piece = 4096;  // bytes, of which each thread reads a whole number

}  // namespace

void read_memory(const float* data, std::int64_t count) {
  Vec sums[streams] = {};
  for (std::int64_t i = 0; i < count; i += streams * lanes) {
    TILE_UNROLL
    for (int s = 0; s < streams; ++s) sums[s] += tile::cpu::load(data + i + s * lanes);
  }
  [[maybe_unused]] thread_local volatile float sink;  // or the loads would be optimised away
  for (const Vec& partial : sums) sink = partial[0];
}

void Readers::read(std::span<const std::byte> memory) {
  const std::int64_t pieces = std::ssize(memory) / piece;
  pool_.run([&](int member) {
    const std::int64_t begin = pieces * member / threads_, end = pieces * (member + 1) / threads_;
    read_memory(reinterpret_cast<const float*>(memory.data() + begin * piece),
                (end - begin) * piece / 4);
  });
}

Evictor::Evictor(int threads)
    : readers_(threads),
      weights_(std::max<std::int64_t>(128 << 20, this_machine().caches.last_level()),
               std::byte{1}) {}

}  // namespace flash
