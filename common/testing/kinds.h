// Which kinds of problem fail, and which pass.
#pragma once

#include <array>
#include <string>

#include "attention/problem.h"

namespace flash {

struct Tally {
  int failed = 0, run = 0;
};

inline constexpr std::size_t number_of_kinds = 19;

// Of each kind, an empty problem being of its own alone; the last is of all.
using Tallies = std::array<Tally, number_of_kinds + 1>;

void add(Tallies& tallies, const Problem& problem, bool passed);

// Three lines or more: which kinds always fail, which sometimes, which never.
std::string kinds_text(const Tallies& tallies);

}  // namespace flash
