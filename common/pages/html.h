// Pieces of a page that stands alone: no file, no font and no script from elsewhere.
#pragma once

#include <string>
#include <vector>

namespace flash {

// A table whose first column names its rows; it scrolls by itself where the page is too narrow.
class HtmlTable {
 public:
  explicit HtmlTable(const std::vector<std::string>& columns);

  // Texts, and at the end of the row something that is HTML already.
  void add_row(const std::vector<std::string>& cells, const std::string& html = "");
  std::string text() const;

 private:
  std::string head_, rows_;
};

// A bar that is full at 1; what it says is said in a cell beside it.
std::string share_bar(double share);

std::string section(const std::string& id, const std::string& title, const std::string& html);

// A slider that moves all views (Svg::begin_view) below it, of which `screens` fill a timeline.
std::string timeline_slider(double screens);

std::string html_page(const std::string& title, const std::string& body);

}  // namespace flash
