// Memory that begins on a cache line.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>

namespace tile {

// Begins on a cache line, as a GPU's memory does: no vector of a row is split between two lines.
// From 4 MB on it lies in pages of 2 MB, a GPU's page size, where the system has them: prefetchers
// stop at the end of a page, and a page of 4 kB is eight rows of a KV cache. Freed by std::free.
inline void* allocate_aligned(std::size_t bytes) {
  constexpr std::size_t line = 64, huge_page = std::size_t{1} << 21;
  const bool large = bytes >= 2 * huge_page;
  const std::size_t alignment = large ? huge_page : line;
  void* memory = std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
  if (!memory) throw std::bad_alloc();
#ifdef MADV_HUGEPAGE
  if (large) madvise(memory, bytes, MADV_HUGEPAGE);  // the system may decline
#endif
  return memory;
}

struct FreeAligned {
  void operator()(void* memory) const { std::free(memory); }
};

// An array of elements that begins on a cache line; they have no value yet.
template <class T>
using AlignedBuffer = std::unique_ptr<T[], FreeAligned>;

template <class T>
AlignedBuffer<T> make_aligned(std::size_t count) {
  return AlignedBuffer<T>(static_cast<T*>(allocate_aligned(count * sizeof(T))));
}

}  // namespace tile
