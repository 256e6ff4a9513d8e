// How long things take.
#pragma once

#include <algorithm>
#include <chrono>
#include <vector>

namespace flash {

template <class F>
double seconds_of(F&& f) {
  const auto begin = std::chrono::steady_clock::now();
  f();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

// Of at least one value; of an even number of them, the mean of the two in the middle.
inline double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return (values[(values.size() - 1) / 2] + values[values.size() / 2]) / 2;
}

// Of at least one value: the `share` of them that are smaller, between two neighbours in
// proportion.
inline double quantile(std::vector<double> values, double share) {
  std::sort(values.begin(), values.end());
  const double place = share * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const std::size_t above = std::min(below + 1, values.size() - 1);
  return values[below] + (place - static_cast<double>(below)) * (values[above] - values[below]);
}

// How the times of runs lie: half of them between the quartiles.
struct Spread {
  double min = 0, lower_quartile = 0, median = 0, upper_quartile = 0;  // seconds
  int runs = 0;
};

inline Spread spread(const std::vector<double>& seconds) {
  if (seconds.empty()) return {};
  return {*std::min_element(seconds.begin(), seconds.end()), quantile(seconds, 0.25),
          median(seconds), quantile(seconds, 0.75), static_cast<int>(seconds.size())};
}

}  // namespace flash
