#include "workshop/exercise.h"

#include <algorithm>
#include <charconv>
#include <sstream>

#include "tile/error.h"

namespace flash {
namespace {

using tile::BadInput;

constexpr std::size_t width = 100;
constexpr std::string_view todo_call = "todo(\"";

std::size_t indent_of(const std::string& line) {
  return std::min(line.find_first_not_of(' '), line.size());
}

bool is_blank(const std::string& line) {
  return indent_of(line) == line.size();
}

bool is_comment(const std::string& line) {
  return line.compare(indent_of(line), 2, "//") == 0;
}

[[noreturn]] void refuse_line(std::size_t line, const std::string& expected) {
  throw BadInput("exercise.txt", "line " + std::to_string(line + 1), expected);
}

// "[2]..." -> 2; 0 if the text does not begin so.
int bracketed_number(std::string_view text) {
  int number = 0;
  if (text.size() < 3 || text[0] != '[') return 0;
  const auto [stop, error] = std::from_chars(text.data() + 1, text.data() + text.size(), number);
  return error == std::errc{} && stop != text.data() + text.size() && *stop == ']' ? number : 0;
}

// The line after the region that begins at `begin`, if the exercise does not say how long it is.
std::size_t end_of_statement(const std::vector<std::string>& lines, std::size_t begin) {
  const std::size_t indent = indent_of(lines[begin]);
  const bool is_block = lines[begin].ends_with('{');
  std::size_t end = begin + 1;
  for (; end < lines.size(); ++end) {
    const std::string& line = lines[end];
    if (is_block) {
      if (!is_blank(line) && indent_of(line) == indent && !line.ends_with('{')) return end + 1;
    } else if (is_blank(line) || indent_of(line) < indent) {
      return end;
    }
  }
  return end;
}

bool is_balanced(const std::vector<std::string>& lines, std::size_t begin, std::size_t end) {
  int open = 0;
  for (std::size_t i = begin; i < end; ++i)
    for (const char c : lines[i]) {
      open += (c == '{') - (c == '}');
      if (open < 0) return false;
    }
  return open == 0;
}

// Comment lines of at most `width` columns.
std::string comment(std::size_t indent, const std::string& text) {
  std::istringstream words(text);
  const std::string margin = std::string(indent, ' ') + "//";
  std::string result, line = margin;
  for (std::string word; words >> word;) {
    if (line.size() + 1 + word.size() > width) {
      result += line + "\n";
      line = margin;
    }
    line += " " + word;
  }
  return result + line + "\n";
}

// What takes the place of a region's code.
std::string todo(const Region& region, std::size_t indent) {
  const std::string call =
      std::string(indent, ' ') + std::string(todo_call) + region.label() + "\");";
  const std::string note = "  // your code in place of this line";
  if (call.size() + note.size() <= width) return call + note + "\n";
  return comment(indent, "Your code in place of the next line:") + call + "\n";
}

std::string blank(const Region& region, const Task& task, std::size_t indent) {
  return comment(indent, region.label() + " (" + std::to_string(region.code_lines) + " lines)") +
         comment(indent, "Write: " + task.write + ".") + comment(indent, "Use: " + task.use + ".") +
         todo(region, indent);
}

}  // namespace

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

std::string Region::label() const {
  return "[" + std::to_string(number) + "] " + title;
}

Exercise parse_exercise(const std::string& text) {
  const std::vector<std::string> lines = lines_of(text);
  Exercise exercise;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const std::string& line = lines[i];
    if (is_blank(line)) continue;
    if (const int number = bracketed_number(line); number > 0) {
      if (number != static_cast<int>(exercise.tasks.size()) + 1)
        refuse_line(i, "[" + std::to_string(exercise.tasks.size() + 1) + "]");
      exercise.tasks.emplace_back();
      continue;
    }
    if (exercise.tasks.empty()) {
      exercise.introduction += (exercise.introduction.empty() ? "" : " ") + line;
      continue;
    }
    Task& task = exercise.tasks.back();
    const std::size_t colon = line.find(": ");
    const std::string key = line.substr(0, colon);
    const std::string value = colon == line.npos ? "" : line.substr(colon + 2);
    if (key == "write")
      task.write = value;
    else if (key == "use")
      task.use = value;
    else if (key == "hint")
      task.hints.push_back(value);
    else if (key == "lines")
      std::from_chars(value.data(), value.data() + value.size(), task.lines);
    else
      refuse_line(i, "lines, write, use or hint, each with a colon");
  }
  return exercise;
}

std::vector<Region> regions_of(const std::string& kernel, const Exercise& exercise) {
  const std::vector<std::string> lines = lines_of(kernel);
  std::vector<Region> regions;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (!is_comment(lines[i])) continue;
    const std::string text = lines[i].substr(std::min(indent_of(lines[i]) + 3, lines[i].size()));
    const int number = bracketed_number(text);
    if (number == 0) continue;
    if (number != static_cast<int>(regions.size()) + 1 ||
        number > static_cast<int>(exercise.tasks.size()))
      throw BadInput("attention.h", "region [" + std::to_string(number) + "]",
                     "[" + std::to_string(regions.size() + 1) + "], as exercise.txt has it");
    Region region{number, text.substr(text.find(']') + 2), i, i + 1, 0, 0};
    region.title = region.title.substr(0, region.title.find(". "));  // a sentence
    if (region.title.ends_with('.')) region.title.pop_back();
    const int length = exercise.tasks[number - 1].lines;
    region.end =
        length > 0 ? std::min(i + 1 + length, lines.size()) : end_of_statement(lines, region.begin);
    for (std::size_t j = region.begin; j < region.end; ++j)
      region.code_lines += !is_blank(lines[j]) && !is_comment(lines[j]);
    if (region.code_lines == 0 || is_blank(lines[region.end - 1]) ||
        !is_balanced(lines, region.begin, region.end))
      throw BadInput("attention.h", "region " + region.label(), "whole statements");
    regions.push_back(region);
  }
  if (regions.size() != exercise.tasks.size())
    throw BadInput("attention.h", std::to_string(regions.size()) + " regions",
                   "the " + std::to_string(exercise.tasks.size()) + " of exercise.txt");
  return regions;
}

std::string skeleton(const std::string& number, const std::string& kernel,
                     const Exercise& exercise) {
  const std::vector<std::string> lines = lines_of(kernel);
  std::string result =
      "// Exercise: write the regions that say todo, then ./ladder check " + number + ".\n//\n";
  std::size_t next = 0;
  const auto copy_up_to = [&](std::size_t end) {
    for (; next < end; ++next) {
      const bool says_run = lines[next].starts_with("// Run it: ");
      result += (says_run ? "// Hints: ./ladder hint " + number + " 1" : lines[next]) + "\n";
      if (lines[next].starts_with("#include \"attention/")) result += "#include \"tile/todo.h\"\n";
    }
  };
  for (const Region& region : regions_of(kernel, exercise)) {
    copy_up_to(region.title_line);
    result += blank(region, exercise.tasks[region.number - 1], indent_of(lines[region.begin]));
    next = region.end;
  }
  copy_up_to(lines.size());
  return result;
}

std::vector<std::string> unwritten_regions(const std::string& solution) {
  std::vector<std::string> labels;
  for (const std::string& line : lines_of(solution)) {
    const std::size_t begin = indent_of(line) + todo_call.size();
    if (line.compare(indent_of(line), todo_call.size(), todo_call) != 0) continue;
    labels.push_back(line.substr(begin, line.find('"', begin) - begin));
  }
  return labels;
}

}  // namespace flash
