// The two ways in which something can be wrong, each one line of text.
#pragma once

#include <stdexcept>
#include <string>

namespace tile {

// The caller asked for something impossible: an argument, its value and what was expected. `ladder`
// prints it and exits with status 2.
struct BadInput : std::invalid_argument {
  using std::invalid_argument::invalid_argument;
  BadInput(const std::string& argument, const std::string& value, const std::string& expected)
      : std::invalid_argument(argument + ": " + value + ", expected " + expected) {}
};

// A kernel misused the machine: names the kernel, the block, the operation and the tile.
struct TileError : std::logic_error {
  using std::logic_error::logic_error;
};

}  // namespace tile
