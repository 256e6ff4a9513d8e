// A timeline as text: a row for each role and each unit, a column for so many cycles.
#pragma once

#include <string>

#include "model/simulate.h"

namespace flash::model {

struct Window {
  double begin, end;  // cycles
};

// Some key tiles near the middle, where products take as much of the time as they do in all: not
// where a block ends and the next one begins.
Window middle(const Timeline& timeline, double cycles);

// Of a role: what it does itself in most of a column, or what it waits for. Of a unit: the role
// that uses it. `roles` are those of one block; those of the blocks at work then are shown.
std::string strip(const Timeline& timeline, const std::vector<std::string>& roles, Window window,
                  int width);

// Shares of the time that a role waited, the largest first: "turn[0] 12%, products 3%".
std::string waits_of(const Timeline& timeline, int block, int role, Window window);

}  // namespace flash::model
