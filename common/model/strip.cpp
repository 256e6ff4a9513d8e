#include "model/strip.h"

#include <algorithm>
#include <cstdio>
#include <functional>
#include <map>

namespace flash::model {
namespace {

double overlap(const Interval& interval, Window window) {
  return std::max(0.0, std::min(interval.end, window.end) - std::max(interval.begin, window.begin));
}

// What most of a column is filled with, by the character that stands for it.
char filling(const Timeline& timeline, Window column,
             const std::function<char(const Interval&)>& character_of) {
  std::map<char, double> time;
  for (const Interval& interval : timeline.intervals) {
    const double part = overlap(interval, column);
    if (part <= 0) continue;
    if (const char c = character_of(interval); c != 0) time[c] += part;
  }
  char most = ' ';
  double longest = 0.25 * (column.end - column.begin);
  for (const auto& [c, part] : time)
    if (part > longest) {
      longest = part;
      most = c;
    }
  return most;
}

char of_role(const Interval& interval) {
  if (interval.lane < 0) return interval.label == "products" ? '=' : '.';
  switch (static_cast<Lane>(interval.lane)) {
    case Lane::exponential:
      return 'e';
    case Lane::fp32:
      return 'f';
    default:
      return 0;  // goes on by itself
  }
}

std::string row(const Timeline& timeline, const std::string& label, std::size_t label_width,
                Window window, int columns,
                const std::function<char(const Interval&)>& character_of) {
  const double width = (window.end - window.begin) / columns;
  std::string text = label;
  text.resize(label_width, ' ');
  for (int i = 0; i < columns; ++i) {
    const double begin = window.begin + i * width;
    text += filling(timeline, {begin, begin + width}, character_of);
  }
  return text.substr(0, text.find_last_not_of(' ') + 1) + "\n";
}

}  // namespace

Window middle(const Timeline& timeline, double cycles) {
  const double first = std::max(0.0, 0.5 * (timeline.cycles - cycles));
  const auto from = [&](double begin) {
    return Window{begin, std::min(begin + cycles, timeline.cycles)};
  };
  const auto multiplied = [&](Window window) {
    double time = 0;
    for (const Interval& interval : timeline.intervals)
      if (interval.lane == static_cast<int>(Lane::tensor)) time += overlap(interval, window);
    return time / (window.end - window.begin);
  };
  double usual = 0;
  if (timeline.cycles > 0) usual = multiplied({0, timeline.cycles});
  for (double away = 0; first - away >= 0; away += 0.25 * cycles)
    for (const double begin : {first - away, first + away})
      if (multiplied(from(begin)) >= usual) return from(begin);
  return from(first);
}

std::string strip(const Timeline& timeline, const std::vector<std::string>& roles, Window window,
                  int width) {
  constexpr std::size_t label_width = 15;
  const int columns = std::max(10, width - static_cast<int>(label_width));
  std::vector<int> blocks;  // at work in the window
  std::vector<Interval> shown;
  for (const Interval& interval : timeline.intervals) {
    if (overlap(interval, window) <= 0) continue;
    shown.push_back(interval);
    if (std::ranges::find(blocks, interval.block) == blocks.end()) blocks.push_back(interval.block);
  }
  std::ranges::sort(blocks);
  Timeline part;
  part.intervals = std::move(shown);
  std::string text;
  std::map<std::pair<int, int>, char> numbers;
  for (const int block : blocks) {
    for (std::size_t r = 0; r < roles.size(); ++r) {
      const auto number =
          static_cast<char>(numbers.size() < 10 ? '0' + numbers.size() : 'a' + numbers.size() - 10);
      numbers[{block, static_cast<int>(r)}] = number;
      const std::string name = roles[r].empty() ? "block" : roles[r];
      text += row(part, std::string(1, number) + " " + name, label_width, window, columns,
                  [&](const Interval& i) {
                    return i.block == block && i.role == static_cast<int>(r) ? of_role(i) : char{0};
                  });
    }
  }
  for (int lane = 0; lane < lanes; ++lane)
    text += row(part, std::string(lane_names[lane]), label_width, window, columns,
                [&](const Interval& i) {
                  return i.lane == lane ? numbers[{i.block, i.role}] : char{0};
                });
  return text;
}

std::string waits_of(const Timeline& timeline, int block, int role, Window window) {
  std::map<std::string, double> time;
  for (const Interval& interval : timeline.intervals)
    if (interval.block == block && interval.role == role && interval.lane < 0)
      time[interval.label.substr(0, interval.label.find('[')) +
           (interval.label.ends_with("full")    ? " full"
            : interval.label.ends_with("empty") ? " empty"
                                                : "")] += overlap(interval, window);
  std::vector<std::pair<double, std::string>> sorted;
  for (const auto& [what, cycles] : time) sorted.push_back({cycles, what});
  std::ranges::sort(sorted, std::greater());
  std::string text;
  for (const auto& [cycles, what] : sorted) {
    const double share = cycles / (window.end - window.begin);
    if (share < 0.005) continue;
    char part[80];
    std::snprintf(part, sizeof part, "%s%s %.0f%%", text.empty() ? "" : ", ", what.c_str(),
                  100 * share);
    text += part;
  }
  return text.empty() ? "nothing" : text;
}

}  // namespace flash::model
