// make_exercises STAGE_FOLDER OUTPUT: a source file with the stage's skeleton as a stage of its
// own, "all", and one for each region, "2", in which that region alone is to be written.
#include <fstream>
#include <iostream>
#include <sstream>

#include "workshop/exercise.h"

namespace flash {
namespace {

std::string read(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file) throw std::runtime_error(path + ": cannot be read");
  return text.str();
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  for (std::size_t i = 0; (i = text.find(from, i)) != text.npos; i += to.size())
    text.replace(i, from.size(), to);
  return text;
}

// The kernel as a stage of its own, in its own namespace.
std::string as_stage(std::string kernel, const std::string& stage, const std::string& variant) {
  const std::string name = stage + "_" + variant;
  kernel = replaced(kernel, "#pragma once\n", "");
  kernel = replaced(kernel, "stage_" + stage, "exercise_" + name);
  kernel = replaced(kernel, '"' + stage + '"', '"' + name + '"');
  return kernel + "static const flash::Registration register_" + name.substr(3) + "(exercise_" +
         name + "::stage<tile::cpu::Device>());\n\n";
}

// The kernel without the region's lines, in whose place a call fails with its label.
std::string without(const std::string& kernel, const Region& region) {
  const std::vector<std::string> lines = lines_of(kernel);
  std::string text;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (i == region.begin) text += "todo(\"" + region.label() + "\");\n";
    if (i < region.begin || i >= region.end) text += lines[i] + "\n";
  }
  return text;
}

std::string source(const std::string& folder) {
  const std::string stage = folder.substr(folder.find_last_of('/') + 1);
  const std::string kernel = read(folder + "/attention.h");
  const Exercise exercise = parse_exercise(read(folder + "/exercise.txt"));
  std::string text =
      "#include \"tile/cpu/backend.h\"\n//\n#include \"stages/stage.h\"\n"
      "#include \"tile/todo.h\"\n\n" +
      as_stage(skeleton(stage, kernel, exercise), stage, "all");
  for (const Region& region : regions_of(kernel, exercise))
    text += as_stage(without(kernel, region), stage, std::to_string(region.number));
  return text;
}

}  // namespace
}  // namespace flash

int main(int, char** argv) {
  try {
    std::ofstream(argv[2]) << flash::source(argv[1]);
  } catch (const std::exception& error) {
    std::cerr << argv[1] << ": " << error.what() << "\n";
    return 1;
  }
}
