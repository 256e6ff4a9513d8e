// printf into a string.
#pragma once

#include <array>
#include <cstdio>
#include <string>

namespace flash {

inline std::string text(const char* format, auto... values) {
  std::array<char, 400> line{};
  std::snprintf(line.data(), line.size(), format, values...);
  return line.data();
}

}  // namespace flash
