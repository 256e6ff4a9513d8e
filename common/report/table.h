// Text for a terminal of any width: tables and paragraphs.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace flash {

struct Terminal {
  int width = 100;      // columns
  bool colour = false;  // ANSI escape sequences
};

enum class Tone { plain, good, bad, heading, faint };

std::string painted(const Terminal& terminal, Tone tone, const std::string& text);

// `label`, then the text broken at spaces, each further line indented to below the text's
// beginning. Ends with a newline.
std::string paragraph(const Terminal& terminal, const std::string& label, const std::string& text);

struct Cell {
  std::string text;
  Tone tone = Tone::plain;
};

struct Column {
  std::string heading;  // of one or more lines
  bool left = false;    // where the text stands
  bool begins_group = false;
};

// Where the terminal is too narrow even for gaps of one space, the columns go on in further blocks,
// each with the first column again; a group of columns stays together if it fits.
class TextTable {
 public:
  explicit TextTable(std::vector<Column> columns) : columns_(std::move(columns)) {}
  void add_row(std::vector<Cell> cells);  // one for each column
  std::string text(const Terminal& terminal) const;

  // The headings, each in one line, and then the rows.
  std::vector<std::vector<std::string>> cells() const;

 private:
  int width(std::size_t column) const;
  std::size_t end_of_group(std::size_t column) const;
  std::vector<std::vector<std::size_t>> blocks(int terminal_width, int gap) const;
  std::string heading_text(const Terminal& terminal, int gap,
                           const std::vector<std::size_t>& columns) const;
  std::string block_text(const Terminal& terminal, int gap,
                         const std::vector<std::size_t>& columns) const;

  std::vector<Column> columns_;
  std::vector<std::vector<Cell>> rows_;
};

}  // namespace flash
