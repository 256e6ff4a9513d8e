// The registry of stages that `ladder`, the conformance suite and the docs read.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "attention/stage.h"

namespace flash {

// All registered stages, by name: each behind its steps.
const std::vector<Stage>& stages();

// Those stages that are compiled with the tiles of FlashAttention's kernels as well, for the
// modelled GPU, named as the others are; `causal` problems may have other tiles.
const std::vector<Stage>& stages_with_published_tiles(bool causal = false);

// The one whose name is `beginning`, or else the only one that begins so: a step if there is a / in
// it ("03/1", "03/backward/1"), otherwise a stage. Throws BadInput, listing those there are.
const Stage& find_stage(std::string_view beginning, const std::vector<Stage>& among = stages());

// Whether `step` leads to this pass of the stage.
bool is_step_of(const Stage& step, const Stage& stage, Pass::Kind kind = Pass::Kind::forward);

// Throws BadInput.
const Pass::Run& find_variant(const Stage& stage, std::string_view name);

// Those that a kernel was compiled with.
enum class Tiles : std::uint8_t { own, published, published_causal };

struct Registration {
  explicit Registration(Stage stage, std::vector<Variant> variants = {}, Tiles tiles = Tiles::own);

  // A further pass of the stage with this name.
  Registration(std::string_view stage, const Pass& pass);
};

}  // namespace flash
