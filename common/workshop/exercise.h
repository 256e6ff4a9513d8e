// An exercise is a stage's kernel with marked regions taken out.
//
// A region begins with its title in the kernel, `// [2] The maximum moves.`, and has the lines
// below it: those of a loop or an `if`, if that is what it begins with, otherwise those up to a
// blank line; or as many as exercise.txt says. What is to be written, and three hints, stand there
// too.
#pragma once

#include <string>
#include <vector>

namespace flash {

// What exercise.txt says of a region.
struct Task {
  int lines = 0;      // of the solution from the title on; 0: as above
  std::string write;  // what to write
  std::string use;    // operations that help
  std::vector<std::string> hints;
};

struct Exercise {
  std::string introduction;
  std::vector<Task> tasks;  // of region 1, 2, ...
};

// The text is a paragraph of introduction, then for each region a line "[1]" and lines "lines: N",
// "write: ...", "use: ..." and "hint: ...". Throws BadInput, naming the line.
Exercise parse_exercise(const std::string& text);

struct Region {
  int number;
  std::string title;          // "The maximum moves"
  std::size_t title_line;     // from 0
  std::size_t begin, end;     // lines, the end excluded
  int code_lines;             // of them
  std::string label() const;  // "[2] The maximum moves"
};

// The regions of a kernel, in order. Throws BadInput unless they are numbered 1, 2, ... as the
// tasks are, hold code, and leave braces balanced.
std::vector<Region> regions_of(const std::string& kernel, const Exercise& exercise);

// The kernel with each region replaced by what to write, and a call that fails with its title.
// `number` is what commands call the exercise, "03" or "03/backward".
std::string skeleton(const std::string& number, const std::string& kernel,
                     const Exercise& exercise);

// The labels of the regions that a solution has left as they were in the skeleton.
std::vector<std::string> unwritten_regions(const std::string& solution);

std::vector<std::string> lines_of(const std::string& text);

}  // namespace flash
