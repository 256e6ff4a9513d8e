// The registry of stages that `ladder`, the conformance suite and the docs read.
#pragma once

#include <string_view>
#include <vector>

#include "attention/stage.h"

namespace flash {

// All registered stages, by name.
const std::vector<Stage>& stages();

// The one whose name is, or begins with, `name`. Throws BadInput, listing the stages there are.
const Stage& find_stage(const std::vector<Stage>& among, std::string_view name);
inline const Stage& find_stage(std::string_view name) {
  return find_stage(stages(), name);
}

// Throws BadInput.
const Pass::Run& find_variant(const Stage& stage, std::string_view name);

struct Registration {
  explicit Registration(const Stage& stage);
};

}  // namespace flash
