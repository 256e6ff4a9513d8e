// For tests: how much memory something takes at most.
#pragma once

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

#if defined(__GLIBC__)
#include <malloc.h>
#endif

namespace flash {

// The growth of resident memory while `f` runs, in bytes, at its peak. That of a process never
// sinks, so f runs in one of its own; negative if it fails there. What was freed before is given
// back first: f would use it again, and not grow.
template <class F>
double peak_growth(const F& f) {
  const auto peak = [](int who) {
    rusage usage;
    getrusage(who, &usage);
    return usage.ru_maxrss * 1024.0;
  };
#if defined(__GLIBC__)
  malloc_trim(0);
#endif
  int pipe_ends[2];
  if (pipe(pipe_ends) != 0) return -1;
  const pid_t child = fork();
  if (child == 0) {
    const double before = peak(RUSAGE_SELF);
    f();
    const double growth = peak(RUSAGE_SELF) - before;
    _exit(write(pipe_ends[1], &growth, sizeof growth) == sizeof growth ? 0 : 1);
  }
  close(pipe_ends[1]);
  double growth = -1;
  if (read(pipe_ends[0], &growth, sizeof growth) != sizeof growth) growth = -1;
  close(pipe_ends[0]);
  waitpid(child, nullptr, 0);
  return growth;
}

}  // namespace flash
