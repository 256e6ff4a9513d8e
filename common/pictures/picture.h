// The pictures of the chapters, drawn from what they show: `ladder docs` writes
// docs/pictures/NAME.svg.
#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "attention/stage.h"
#include "drawing/svg.h"

namespace flash {

struct Picture {
  std::string_view name;  // of the file
  std::string_view title;
  std::string alt;                   // what it shows, for those who do not see it
  std::function<double(Svg&)> draw;  // returns the height

  std::string svg() const;  // the whole file
};

// What pictures are drawn from.
struct PictureSources {
  const std::vector<Stage>& stages;
  std::function<nlohmann::json(const std::string&)> results;  // of docs/results/NAME.json
};

std::vector<Picture> pictures(const PictureSources& sources);

}  // namespace flash
