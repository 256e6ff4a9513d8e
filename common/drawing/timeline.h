// A timeline as a picture, for `ladder timeline --svg`.
#pragma once

#include <string>
#include <vector>

#include "model/simulate.h"
#include "model/strip.h"

namespace flash {

// A row for each role of the first block and for each unit; `roles` are those of one block. The
// whole SVG file.
std::string timeline_svg(const std::string& title, const model::Timeline& timeline,
                         const std::vector<std::string>& roles, model::Window window);

}  // namespace flash
