#include "stages/stage.h"

#include <algorithm>
#include <string>

namespace flash {
namespace {

std::vector<Stage>& registry() {
  static std::vector<Stage> all;
  return all;
}

}  // namespace

Registration::Registration(const Stage& stage) {
  std::vector<Stage>& all = registry();
  const auto after = std::find_if(all.begin(), all.end(),
                                  [&](const Stage& other) { return other.name > stage.name; });
  all.insert(after, stage);
}

const std::vector<Stage>& stages() {
  return registry();
}

const Stage& find_stage(const std::vector<Stage>& among, std::string_view name) {
  const Stage* found = nullptr;
  int matches = 0;
  std::string names;
  for (const Stage& stage : among) {
    if (stage.name == name) return stage;
    names += (names.empty() ? "" : ", ") + std::string(stage.name);
    if (name.empty() || !stage.name.starts_with(name)) continue;
    found = &stage;
    ++matches;
  }
  if (matches == 1) return *found;
  const char* problem = matches == 0 ? "' is not a stage" : "' begins several stages";
  throw BadInput("stage", "'" + std::string(name) + problem, "one of " + names);
}

const Pass::Run& find_variant(const Stage& stage, std::string_view name) {
  for (const Variant& variant : stage.variants)
    if (variant.name == name) return variant.run;
  throw BadInput(std::string(stage.name), "has no variant '" + std::string(name) + "'",
                 "one of its switches");
}

}  // namespace flash
