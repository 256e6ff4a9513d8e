// printf into a string.
#pragma once

#include <string>

namespace flash {

// As printf does, but at most 300 characters.
[[gnu::format(printf, 1, 2)]] std::string text_of(const char* format, ...);

}  // namespace flash
