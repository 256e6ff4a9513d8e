#include "report/kernel_diff.h"

#include <algorithm>
#include <sstream>
#include <vector>

namespace flash {
namespace {

// "// [1] ...", of a region of the exercise.
bool is_title(const std::string& line) {
  const std::size_t begin = std::min(line.find_first_not_of(' '), line.size());
  return line.compare(begin, 4, "// [") == 0;
}

std::vector<std::string> kernel_lines(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> lines;
  bool in_header = text.find("#pragma once") != text.npos;
  for (std::string line; std::getline(stream, line);) {
    if (in_header || line.find("namespace stage_") != line.npos || is_title(line)) {
      in_header = in_header && line != "#pragma once";
      continue;
    }
    std::erase_if(line, [](char c) { return c == ' ' || c == '\t'; });
    lines.push_back(line);
  }
  return lines;
}

}  // namespace

int lines_added(const std::string& from, const std::string& to) {
  const std::vector<std::string> old_lines = kernel_lines(from), new_lines = kernel_lines(to);
  // Of the longest common subsequence with the first j new lines.
  std::vector<int> common(new_lines.size() + 1, 0);
  for (const std::string& line : old_lines) {
    int diagonal = 0;  // before this line, with one new line less
    for (std::size_t j = 1; j < common.size(); ++j) {
      const int above = common[j];
      common[j] = line == new_lines[j - 1] ? diagonal + 1 : std::max(above, common[j - 1]);
      diagonal = above;
    }
  }
  return static_cast<int>(new_lines.size()) - common.back();
}

}  // namespace flash
