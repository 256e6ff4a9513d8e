// The two ways in which something can be wrong, each one line of text.
#pragma once

#include <stdexcept>
#include <string>

namespace tile {

// The caller asked for something impossible: an argument, its value and what was expected. `ladder`
// prints it, with the dashes of its options, and exits with status 2.
struct BadInput : std::invalid_argument {
  BadInput(const std::string& name, const std::string& text)
      : std::invalid_argument(name + ": " + text), argument(name) {}
  BadInput(const std::string& name, const std::string& value, const std::string& expected)
      : BadInput(name, value + ", expected " + expected) {}
  explicit BadInput(const std::string& text) : std::invalid_argument(text) {}

  std::string argument;  // as a library calls it: seqlen_q; empty if the text says it otherwise
};

// A kernel misused the machine: names the kernel, the block, the operation and the tile.
struct TileError : std::logic_error {
  using std::logic_error::logic_error;

  std::string steps;  // of the roles before it, in checked mode: lines of a table
  int switches = 0;   // of the roles until then
};

}  // namespace tile
