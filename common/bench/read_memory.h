// Reading memory as fast as the machine can.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "attention/tensors.h"
#include "tile/cpu/thread_pool.h"

namespace flash {

// Loads every vector of `data`, which begins on a cache line; `count` is a multiple of 128.
void read_memory(const float* data, std::int64_t count);

// Threads that read together.
class Readers {
 public:
  explicit Readers(int threads) : pool_(threads) {}

  // Reads all bytes but the last few; a thread that is held up leaves its share to the others.
  void read(std::span<const std::byte> memory);

 private:
  tile::cpu::ThreadPool pool_;
};

// Empties the caches of what ran before: reads as many bytes of something else as the last-level
// cache has, or 128 MB if that is more, as a server reads a model's weights from one decode step to
// the next.
class Evictor {
 public:
  explicit Evictor(int threads);

  void run() { readers_.read(weights_); }
  std::int64_t bytes() const { return std::ssize(weights_); }

 private:
  Readers readers_;
  Buffer weights_;
};

}  // namespace flash
