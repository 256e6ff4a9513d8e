#include "report/units.h"

#include <cmath>
#include <cstdio>
#include <span>

namespace flash {
namespace {

std::string text(const char* format, auto... values) {
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, format, values...);
  return buffer;
}

// Three significant digits of a number below 1000.
std::string three_digits(double x) {
  if (x < 9.995) return text("%.2f", x);
  return text(x < 99.95 ? "%.1f" : "%.0f", x);
}

struct Unit {
  double size;
  const char* name;
};

// In the largest unit that leaves at least 1; the units are in ascending order.
std::string scaled(double x, std::span<const Unit> units) {
  const Unit* unit = &units.front();
  for (const Unit& larger : units)
    if (x >= larger.size * 0.9995) unit = &larger;
  if (x == 0) return text("0 %s", unit->name);
  return three_digits(x / unit->size) + " " + unit->name;
}

}  // namespace

std::string bytes_text(double bytes) {
  constexpr Unit units[] = {{1e3, "kB"}, {1e6, "MB"}, {1e9, "GB"}, {1e12, "TB"}, {1e15, "PB"}};
  return bytes < 999.5 ? text("%.0f B", bytes) : scaled(bytes, units);
}

std::string kib_text(double bytes) {
  constexpr double kib = 1024;
  return bytes < kib ? text("%.0f B", bytes) : text("%.4g KiB", std::round(bytes / kib));
}

std::string seconds_text(double seconds) {
  constexpr Unit units[] = {{1e-9, "ns"}, {1e-6, "us"}, {1e-3, "ms"}, {1, "s"}};
  return scaled(seconds, units);
}

std::string count_text(double count) {
  constexpr Unit units[] = {{1e3, "k"}, {1e6, "M"}, {1e9, "G"}, {1e12, "T"}, {1e15, "P"}};
  return count < 999.5 ? text("%.0f", count) : scaled(count, units);
}

std::string rate_text(double rate) {
  return rate < 999.95 ? text("%.1f", rate) : text("%.0f", rate);
}

std::string percent_text(double fraction) {
  return text(fraction < 0.9995 ? "%.1f%%" : "%.0f%%", 100 * fraction);
}

std::string error_text(double error) {
  if (error == 0 || !std::isfinite(error)) return text("%g", error);
  const std::string scientific = text("%.1e", error);  // "1.2e-06"
  return scientific.substr(0, 4) + std::to_string(std::stoi(scientific.substr(4)));
}

}  // namespace flash
