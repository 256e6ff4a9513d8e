// The registry of stages that `ladder`, the conformance suite and the docs read.
#pragma once

#include <string_view>
#include <vector>

#include "attention/stage.h"

namespace flash {

// All registered stages, by name.
const std::vector<Stage>& stages();

// The one whose name is `beginning`, or else the only one that begins so. Throws BadInput, listing
// the stages there are.
const Stage& find_stage(std::string_view beginning, const std::vector<Stage>& among = stages());

// Throws BadInput.
const Pass::Run& find_variant(const Stage& stage, std::string_view name);

struct Registration {
  explicit Registration(const Stage& stage);
};

}  // namespace flash
