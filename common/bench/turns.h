// Measures several things in turns, so that a slow spell of the machine meets all of them.
#pragma once

#include <functional>
#include <vector>

namespace flash {

struct Contender {
  std::function<void()> run;
  std::function<void()> prepare = {};  // before each run, and not timed; may be empty
};

struct Pace {
  // That each contender takes on average, preparations included, in at least three rounds.
  double seconds = 1;
  int rounds = 0;  // if not 0: so many rounds, and one run in each
};

// The seconds of the runs of each contender. In a round each has a turn, short runs several to a
// turn; the first round warms up and does not count.
std::vector<std::vector<double>> take_turns(const std::vector<Contender>& contenders,
                                            const Pace& pace);

}  // namespace flash
