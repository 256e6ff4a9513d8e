// A program around a command: its terminal and its streams.
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>

#include "cli/cli.h"

namespace flash {
namespace {

Terminal terminal() {
  constexpr int narrowest = 40, without_terminal = 100;
  if (!isatty(STDOUT_FILENO)) return {without_terminal, false};
  winsize size{};
  const bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  const char* no_colour = std::getenv("NO_COLOR");  // no-color.org: set, and not empty
  return {known ? std::max<int>(size.ws_col, narrowest) : without_terminal,
          no_colour == nullptr || *no_colour == '\0'};
}

}  // namespace

int run_program(Command* command, int argc, char** argv) {
  // A file opened later would take the place of a closed standard output.
  if (fcntl(STDOUT_FILENO, F_GETFD) < 0) {
    std::cerr << "ladder: standard output: closed, expected a terminal, a pipe or a file\n";
    return 2;
  }
  return run_guarded(command, {argv + 1, argv + argc},
                     {.out = std::cout,
                      .err = std::cerr,
                      .stages = stages(),
                      .terminal = terminal(),
                      .progress = isatty(STDERR_FILENO) == 1,
                      .in = &std::cin,
                      .root = repository_root()});
}

}  // namespace flash
