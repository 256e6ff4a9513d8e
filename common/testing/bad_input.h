// For tests: what a function says when it refuses its input.
#pragma once

#include <string>

#include "tile/error.h"

namespace flash {

// The message of the BadInput that `f` throws; "accepted" when it throws none.
template <class F>
std::string message_of_bad_input(F&& f) {
  try {
    f();
  } catch (const tile::BadInput& error) {
    return error.what();
  }
  return "accepted";
}

}  // namespace flash
