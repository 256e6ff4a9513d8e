// The generated parts of the documentation: between `<!-- generated: KIND NAME -->` and `<!-- end
// -->`.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "stages/stage.h"

namespace flash {

// A table of all stages: what each moves, and how fast it was in `results`, a file of run --json.
std::string ladder_table(const std::vector<Stage>& stages, const nlohmann::json& results);

// A table of one stage's traffic by tensor, and how fast it was.
std::string cost_table(const Stage& stage, const nlohmann::json& results);

// `page` with its generated parts made anew. Throws BadInput for a part that nobody makes, or that
// does not end.
std::string regenerate(const std::string& page, const std::vector<Stage>& stages,
                       const nlohmann::json& results);

}  // namespace flash
