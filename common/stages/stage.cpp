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

const Stage& find_stage(std::string_view name) {
  std::string names;
  for (const Stage& stage : stages()) {
    if (stage.name == name) return stage;
    names += (names.empty() ? "" : ", ") + std::string(stage.name);
  }
  throw BadInput("--stage: '" + std::string(name) + "' is not a stage, expected one of " + names);
}

}  // namespace flash
