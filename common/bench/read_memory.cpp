#include "bench/read_memory.h"

#include <algorithm>
#include <atomic>

#include "bench/machine.h"
#include "tile/cpu/simd/simd.h"
#include "tile/math.h"

namespace flash {
namespace {

using tile::cpu::lanes;
using tile::cpu::Vec;

constexpr int streams = 8;
constexpr std::int64_t piece = 1 << 18;  // bytes that a thread takes at a time

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
  const std::int64_t pieces = tile::ceil_div(std::ssize(memory), piece);
  std::atomic<std::int64_t> next = 0;
  pool_.run([&](int) {
    for (std::int64_t i; (i = next++) < pieces;) {
      const std::int64_t bytes = std::min(std::ssize(memory) - i * piece, piece);
      read_memory(reinterpret_cast<const float*>(memory.data() + i * piece), bytes / 512 * 128);
    }
  });
}

Evictor::Evictor(int threads)
    : readers_(threads),
      weights_(std::max<std::int64_t>(128 << 20, this_machine().caches.last_level()),
               std::byte{1}) {}

}  // namespace flash
