// The checked longjmp of hardened builds takes a jump to another stack for an error.
#undef _FORTIFY_SOURCE
#include "tile/cpu/fiber.h"

#include <setjmp.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include <cstdint>
#include <new>

#include "tile/cpu/asan.h"
#if TILE_ASAN
#include <sanitizer/common_interface_defs.h>
#endif

namespace tile::cpu {
namespace {

constexpr std::size_t stack_bytes = std::size_t{1} << 20;  // AddressSanitizer needs the most

// AddressSanitizer has to know which stack is in use.
struct Side {
  void* fake_stack = nullptr;
  const void* bottom = nullptr;
  std::size_t bytes = 0;
};

void leave(Side& from, const Side& to, bool for_good) {
#if TILE_ASAN
  __sanitizer_start_switch_fiber(for_good ? nullptr : &from.fake_stack, to.bottom, to.bytes);
#else
  static_cast<void>(from), static_cast<void>(to), static_cast<void>(for_good);
#endif
}

void arrive(Side& at, Side& from) {
#if TILE_ASAN
  __sanitizer_finish_switch_fiber(at.fake_stack, &from.bottom, &from.bytes);
#else
  static_cast<void>(at), static_cast<void>(from);
#endif
}

}  // namespace

// makecontext begins a stack; setjmp and longjmp switch from then on, without its system call.
struct Fiber::Stack {
  char* memory;
  jmp_buf inside, outside;
  Side inner, outer;
  void (*entry)(void*) = nullptr;
  void* argument = nullptr;
  bool begun = false, returned = false;

  Stack() {
    const auto guard = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    void* mapped = mmap(nullptr, stack_bytes + guard, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mapped == MAP_FAILED) throw std::bad_alloc();
    memory = static_cast<char*>(mapped) + guard;
    mprotect(mapped, guard, PROT_NONE);  // an overflow stops here instead of in other data
    inner.bottom = memory;
    inner.bytes = stack_bytes;
  }

  ~Stack() {
    const auto guard = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    munmap(memory - guard, stack_bytes + guard);
  }

  // makecontext passes integers only.
  static void run(unsigned high, unsigned low) {
    auto& self = *reinterpret_cast<Stack*>((std::uintptr_t{high} << 32) | low);
    arrive(self.inner, self.outer);
    self.entry(self.argument);
    self.returned = true;
    leave(self.inner, self.outer, true);
    _longjmp(self.outside, 1);
  }

  // Never returns, so AddressSanitizer would never clear its frame's marks.
  [[noreturn]] __attribute__((no_sanitize("address"))) void enter() {
    if (begun) _longjmp(inside, 1);
    begun = true;
    inner.fake_stack = nullptr;
    ucontext_t context;
    getcontext(&context);
    context.uc_stack.ss_sp = memory;
    context.uc_stack.ss_size = stack_bytes;
    context.uc_link = nullptr;
    const auto self = reinterpret_cast<std::uintptr_t>(this);
    makecontext(&context, reinterpret_cast<void (*)()>(run), 2,
                static_cast<unsigned>(std::uint64_t{self} >> 32), static_cast<unsigned>(self));
    setcontext(&context);
    __builtin_unreachable();
  }
};

Fiber::Fiber() : stack_(std::make_unique<Stack>()) {}
Fiber::~Fiber() = default;
Fiber::Fiber(Fiber&&) noexcept = default;

void Fiber::start(void (*entry)(void*), void* argument) {
  stack_->entry = entry;
  stack_->argument = argument;
  stack_->begun = stack_->returned = false;
}

bool Fiber::resume() {
  Stack* stack = stack_.get();
  leave(stack->outer, stack->inner, false);
  if (_setjmp(stack->outside) == 0) stack->enter();
  arrive(stack->outer, stack->inner);
  stack->inner.bottom = stack->memory;
  stack->inner.bytes = stack_bytes;
  return stack->returned;
}

void Fiber::suspend() {
  Stack* stack = stack_.get();
  leave(stack->inner, stack->outer, false);
  if (_setjmp(stack->inside) == 0) _longjmp(stack->outside, 1);
  arrive(stack->inner, stack->outer);
}

}  // namespace tile::cpu
