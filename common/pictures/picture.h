// The pictures of the chapters, drawn from what they show: `ladder docs` writes
// docs/pictures/NAME.svg.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace flash {

struct Picture {
  std::string_view name;             // of the file
  std::function<std::string()> svg;  // the whole file
};

std::vector<Picture> pictures();

}  // namespace flash
