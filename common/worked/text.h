// Formatted text of any length.
#pragma once

#include <cstdio>
#include <string>

namespace flash {

std::string formatted(const char* format, auto... values) {
  const int length = std::snprintf(nullptr, 0, format, values...);
  std::string text(static_cast<std::size_t>(length), '\0');
  std::snprintf(text.data(), text.size() + 1, format, values...);
  return text;
}

}  // namespace flash
