#include "bench/turns.h"

#include <cstddef>

#include "bench/timing.h"

namespace flash {
namespace {

constexpr double long_turn = 0.01;  // seconds
constexpr int fewest_rounds = 3;

// Adds the times of a turn's runs; returns what all of it took.
double take_turn(const Contender& contender, bool one_run, std::vector<double>& seconds) {
  double sum = 0;
  do
    sum += seconds_of([&] {
      if (contender.prepare) contender.prepare();
      seconds.push_back(seconds_of(contender.run));
    });
  while (!one_run && sum < long_turn);
  return sum;
}

}  // namespace

std::vector<std::vector<double>> take_turns(const std::vector<Contender>& contenders,
                                            const Pace& pace) {
  std::vector<std::vector<double>> seconds(contenders.size());
  const auto round = [&] {
    double sum = 0;
    for (std::size_t i = 0; i < contenders.size(); ++i)
      sum += take_turn(contenders[i], pace.rounds > 0, seconds[i]);
    return sum;
  };
  round();
  for (std::vector<double>& warm_up : seconds) warm_up.clear();
  const double enough = pace.seconds * static_cast<double>(contenders.size());
  double sum = 0;
  for (int i = 0; pace.rounds > 0 ? i < pace.rounds : i < fewest_rounds || sum < enough; ++i)
    sum += round();
  return seconds;
}

}  // namespace flash
