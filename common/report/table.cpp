#include "report/table.h"

#include <algorithm>
#include <sstream>
#include <string_view>

namespace flash {
namespace {

std::string padded(const std::string& text, int width, bool left) {
  const std::string space(std::max(0, width - static_cast<int>(text.size())), ' ');
  return left ? text + space : space + text;
}

// Of a line that ends in an unpainted cell.
std::string without_trailing_space(std::string line) {
  line.erase(line.find_last_not_of(' ') + 1);
  return line;
}

std::vector<std::string> split(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

}  // namespace

std::string painted(const Terminal& terminal, Tone tone, const std::string& text) {
  constexpr std::string_view codes[] = {"", "32", "1;31", "1", "2"};
  const std::string_view code = codes[static_cast<int>(tone)];
  if (!terminal.colour || code.empty() || text.empty()) return text;
  return "\x1b[" + std::string(code) + "m" + text + "\x1b[0m";
}

std::string paragraph(const Terminal& terminal, const std::string& label, const std::string& text) {
  std::istringstream words(text);
  std::string lines, line = label;
  bool empty = true;  // but for the label or the indent
  for (std::string word; words >> word; empty = false) {
    if (!empty && static_cast<int>(line.size() + 1 + word.size()) > terminal.width) {
      lines += line + "\n";
      line = std::string(label.size(), ' ') + word;
    } else {
      line += (empty ? "" : " ") + word;
    }
  }
  return lines + line + "\n";
}

void TextTable::add_row(std::vector<Cell> cells) {
  rows_.push_back(std::move(cells));
}

int TextTable::width(std::size_t column) const {
  std::size_t width = 0;
  for (const std::string& line : split(columns_[column].heading))
    width = std::max(width, line.size());
  for (const auto& row : rows_) width = std::max(width, row[column].text.size());
  return static_cast<int>(width);
}

std::size_t TextTable::end_of_group(std::size_t column) const {
  do ++column;
  while (column < columns_.size() && !columns_[column].begins_group);
  return column;
}

std::vector<std::vector<std::size_t>> TextTable::blocks(int terminal_width, int gap) const {
  std::vector<std::vector<std::size_t>> blocks = {{0}};
  int used = width(0);
  for (std::size_t column = 1; column < columns_.size(); ++column) {
    int needed = 0;
    const std::size_t end = columns_[column].begins_group ? end_of_group(column) : column + 1;
    for (std::size_t i = column; i < end; ++i) needed += gap + width(i);
    if (used + needed > terminal_width && blocks.back().size() > 1) {
      blocks.push_back({0});
      used = width(0);
    }
    blocks.back().push_back(column);
    used += gap + width(column);
  }
  return blocks;
}

std::string TextTable::heading_text(const Terminal& terminal, int gap,
                                    const std::vector<std::size_t>& columns) const {
  std::size_t height = 0;
  for (const std::size_t c : columns) height = std::max(height, split(columns_[c].heading).size());
  std::string text;
  for (std::size_t i = 0; i < height; ++i) {
    std::string line;
    for (const std::size_t c : columns) {
      const std::vector<std::string> heading = split(columns_[c].heading);
      const std::size_t above = height - heading.size();  // empty lines: headings end together
      line += padded(i < above ? "" : heading[i - above], width(c), columns_[c].left) +
              std::string(gap, ' ');
    }
    text += painted(terminal, Tone::heading, without_trailing_space(line)) + "\n";
  }
  return text;
}

std::string TextTable::block_text(const Terminal& terminal, int gap,
                                  const std::vector<std::size_t>& columns) const {
  std::string text = heading_text(terminal, gap, columns);
  for (const auto& row : rows_) {
    std::string line;
    for (const std::size_t c : columns)
      line += painted(terminal, row[c].tone, padded(row[c].text, width(c), columns_[c].left)) +
              std::string(gap, ' ');
    text += without_trailing_space(line) + "\n";
  }
  return text;
}

std::string TextTable::text(const Terminal& terminal) const {
  constexpr int wide = 2, narrow = 1;
  const int gap =
      blocks(terminal.width, narrow).size() < blocks(terminal.width, wide).size() ? narrow : wide;
  std::string text;
  for (const auto& columns : blocks(terminal.width, gap))
    text += (text.empty() ? "" : "\n") + block_text(terminal, gap, columns);
  return text;
}

std::vector<std::vector<std::string>> TextTable::cells() const {
  std::vector<std::vector<std::string>> all(1);
  for (const Column& column : columns_) {
    std::string heading = column.heading;
    std::replace(heading.begin(), heading.end(), '\n', ' ');
    all[0].push_back(heading.starts_with(' ') ? heading.substr(1) : heading);
  }
  for (const std::vector<Cell>& row : rows_) {
    all.emplace_back();
    for (const Cell& cell : row) all.back().push_back(cell.text);
  }
  return all;
}

}  // namespace flash
