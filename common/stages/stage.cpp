#include "stages/stage.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

namespace flash {
namespace {

std::vector<Stage>& registry(Tiles tiles = Tiles::own) {
  static std::array<std::vector<Stage>, 3> all;
  return all[static_cast<int>(tiles)];
}

struct OfStage {
  std::string_view stage;
  Pass pass;
};

// Passes that their stages do not have yet: which object file registers first is not known.
std::vector<OfStage>& passes_to_come() {
  static std::vector<OfStage> passes;
  return passes;
}

// That of the stage that a step of the backward pass leads to.
void give_forward_pass(Stage& step) {
  for (const Stage& stage : registry())
    if (is_step_of(step, stage, Pass::Kind::backward))
      step.passes.insert(step.passes.begin(), stage.passes.front());
}

}  // namespace

Registration::Registration(Stage stage, std::vector<Variant> variants, Tiles tiles) {
  stage.variants = std::move(variants);
  std::vector<Stage>& all = registry(tiles);
  const auto after = std::find_if(all.begin(), all.end(),
                                  [&](const Stage& other) { return other.name > stage.name; });
  all.insert(after, std::move(stage));
}

Registration::Registration(std::string_view stage, const Pass& pass) {
  passes_to_come().push_back({stage, pass});
}

const std::vector<Stage>& stages() {
  for (const OfStage& of : std::exchange(passes_to_come(), {}))
    for (Stage& stage : registry())
      if (stage.name == of.stage) stage.passes.push_back(of.pass);
  for (Stage& step : registry())
    if (step.passes.front().kind == Pass::Kind::backward) give_forward_pass(step);
  return registry();
}

const std::vector<Stage>& stages_with_published_tiles(bool causal) {
  if (!causal) return registry(Tiles::published);
  static const std::vector<Stage> all = [] {  // those without tiles for a mask have the others
    std::vector<Stage> stages = registry(Tiles::published_causal);
    for (const Stage& stage : registry(Tiles::published))
      if (std::ranges::find(stages, stage.name, &Stage::name) == stages.end())
        stages.push_back(stage);
    return stages;
  }();
  return all;
}

const Stage& find_stage(std::string_view beginning, const std::vector<Stage>& among) {
  std::vector<const Stage*> found;
  std::string names;
  const bool wants_step = beginning.find('/') != beginning.npos;
  for (const Stage& stage : among) {
    if (stage.name == beginning) return stage;
    if (stage.is_step() != wants_step) continue;
    if (stage.name.starts_with(beginning)) found.push_back(&stage);
    names += (names.empty() ? "" : ", ") + std::string(stage.name);
  }
  if (found.size() == 1) return *found[0];
  throw BadInput("stage",
                 "'" + std::string(beginning) +
                     (found.empty() ? "' is not a " : "' begins several ") +
                     (wants_step ? "step" : "stage") + (found.empty() ? "" : "s"),
                 names.empty() ? "a stage" : "one of " + names);
}

bool is_step_of(const Stage& step, const Stage& stage, Pass::Kind kind) {
  const std::string_view number = step.name.substr(0, step.name.find('/'));
  return step.is_step() && step.is_backward_step() == (kind == Pass::Kind::backward) &&
         !stage.is_step() && stage.name.starts_with(std::string(number) + "_");
}

const Pass::Run& find_variant(const Stage& stage, std::string_view name) {
  for (const Variant& variant : stage.variants)
    if (variant.name == name) return variant.run;
  throw BadInput(std::string(stage.name), "has no variant '" + std::string(name) + "'",
                 "one of its switches");
}

}  // namespace flash
