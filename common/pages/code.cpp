// Code that a page quotes from the file where it stands.
#include <algorithm>

#include "cli/options.h"
#include "pages/docs.h"
#include "workshop/exercise.h"

namespace flash {
namespace {

struct Lines {
  std::size_t begin, end;  // from 0, the end excluded
};

// A region of an exercise, with its title: `number` is in the kernel beside exercise.txt.
Lines region_lines(const std::string& path, const std::string& text, const std::string& number) {
  const std::string folder = path.substr(0, path.rfind('/') + 1);
  for (const Region& region : regions_of(text, parse_exercise(read_file(folder + "exercise.txt"))))
    if (std::to_string(region.number) == number) return {region.title_line, region.end};
  throw BadInput("docs: " + path + " has no region '" + number + "'");
}

// The line that holds `words`, in which + stands for a space.
std::size_t line_with(const std::vector<std::string>& lines, std::string words,
                      const std::string& path) {
  std::ranges::replace(words, '+', ' ');
  const auto holds = [&](const std::string& line) { return line.find(words) != line.npos; };
  const auto found = std::ranges::find_if(lines, holds);
  if (found == lines.end() || std::ranges::count_if(lines, holds) > 1)
    throw BadInput("docs: '" + words + "' is in " +
                   std::to_string(std::ranges::count_if(lines, holds)) + " lines of " + path +
                   ", expected one");
  return static_cast<std::size_t>(found - lines.begin());
}

Lines lines_between(const std::string& path, const std::vector<std::string>& lines,
                    const std::string& ends) {
  const std::size_t dots = ends.find("..");
  const Lines found = {line_with(lines, ends.substr(0, dots), path),
                       line_with(lines, ends.substr(dots + 2), path) + 1};
  if (found.begin >= found.end) throw BadInput("docs: '" + ends + "': the end comes first");
  return found;
}

std::string without_margin(const std::vector<std::string>& lines, Lines shown) {
  std::size_t margin = std::string::npos;
  for (std::size_t i = shown.begin; i < shown.end; ++i)
    margin = std::min(margin, lines[i].find_first_not_of(' '));
  std::string text;
  for (std::size_t i = shown.begin; i < shown.end; ++i)
    text += lines[i].substr(std::min(margin, lines[i].size())) + "\n";
  return text;
}

}  // namespace

std::string quoted_code(const std::string& path_and_part) {
  const std::size_t space = path_and_part.find(' ');
  if (space == path_and_part.npos)
    throw BadInput("docs: code " + path_and_part + ": expected PATH REGION or PATH FIRST..LAST");
  const std::string path = path_and_part.substr(0, space), part = path_and_part.substr(space + 1);
  const std::string text = read_file(path);
  const std::vector<std::string> lines = lines_of(text);
  const Lines shown = part.find("..") == part.npos ? region_lines(path, text, part)
                                                   : lines_between(path, lines, part);
  return "```cpp\n" + without_margin(lines, shown) + "```\n\n<sub>" + path + ", lines " +
         std::to_string(shown.begin + 1) + "–" + std::to_string(shown.end) + "</sub>\n";
}

}  // namespace flash
