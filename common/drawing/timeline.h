// A timeline as a picture, for `ladder timeline --svg`.
#pragma once

#include <string>
#include <vector>

#include "model/simulate.h"
#include "model/strip.h"

namespace flash {

// A row for each role of a block that is at work in the window, and for each unit; `roles` are
// those of one block. Shows `window`; what follows it until `end`, in cycles, is outside of the
// view. The whole SVG file.
std::string timeline_svg(const std::string& title, const model::Timeline& timeline,
                         const std::vector<std::string>& roles, model::Window window, double end,
                         std::string_view id = "");

}  // namespace flash
