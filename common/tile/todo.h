// What stands in an exercise for a region that is still to be written.
#pragma once

#include <string>

#include "tile/error.h"

namespace tile {

// The region at which a kernel stopped.
struct Unwritten : TileError {
  using TileError::TileError;
};

inline void todo(const char* region) {
  throw Unwritten(std::string(region) + " is not written yet");
}

}  // namespace tile
