// A stack of its own for each warpgroup of a block, and the switch between them.
#pragma once

#include <cstddef>
#include <memory>

namespace tile::cpu {

// Runs a function that can stop in the middle and go on later, all on the caller's thread.
class Fiber {
 public:
  Fiber();
  ~Fiber();
  Fiber(Fiber&&) noexcept;
  Fiber& operator=(Fiber&&) = delete;

  // The next resume() begins `entry(argument)`, which must neither throw nor be under way.
  void start(void (*entry)(void*), void* argument);

  // Runs it until it suspends or returns; true if it has returned.
  bool resume();

  // Called by the function: returns from resume(), and comes back with the next one.
  void suspend();

 private:
  struct Stack;
  std::unique_ptr<Stack> stack_;
};

}  // namespace tile::cpu
