#include "pages/html.h"

#include <algorithm>

#include "drawing/svg_text.h"
#include "report/text.h"

namespace flash {
namespace {

// Colours are those of the pictures, in both themes.
constexpr char style[] = R"(
:root { color-scheme: light dark; --ink: #1f2328; --muted: #59636e; --paper: #ffffff; --line: #d1d9e0;
  --bar: #0969da; --head: #f6f8fa; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6edf3; --muted: #9198a1; --paper: #0d1117; --line: #3d444d; --bar: #58a6ff;
    --head: #151b23; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 68rem; padding: 1rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; }
h1 { font-size: 1.6rem; margin: .5rem 0; }
h2 { font-size: 1.2rem; margin: 2.2rem 0 .6rem; }
a { color: var(--bar); }
:focus-visible { outline: 3px solid var(--bar); outline-offset: 2px; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; }
th, td { border: 1px solid var(--line); padding: .25rem .6rem; text-align: right;
  font-variant-numeric: tabular-nums; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
thead th { background: var(--head); font-weight: 600; }
tbody th { font-weight: 400; }
.bar { display: inline-block; width: 9rem; height: .7rem; border: 1px solid var(--muted); }
.bar i { display: block; height: 100%; background: var(--bar); }
figure { margin: 1rem 0; }
figure > svg { display: block; width: 100%; max-width: 45rem; height: auto; }
pre { overflow-x: auto; border: 1px solid var(--line); padding: .6rem; font-size: .85rem; }
.slider { position: sticky; top: 0; background: var(--paper); padding: .6rem 0; border-bottom: 1px solid var(--line);
  display: flex; gap: .8rem; align-items: center; max-width: 45rem; }
.slider input { flex: 1; min-width: 6rem; accent-color: var(--bar); }
)";

constexpr char script[] = R"(
const slider = document.querySelector('.slider input');
slider.addEventListener('input', () => {
  for (const view of document.querySelectorAll('svg.view')) {
    const box = view.viewBox.baseVal;
    box.x = slider.value * box.width;
  }
  slider.setAttribute('aria-valuetext', Math.round(100 * slider.value / slider.max) + ' %');
});
)";

}  // namespace

HtmlTable::HtmlTable(const std::vector<std::string>& columns) {
  for (const std::string& column : columns)
    head_ += column.empty() ? "<td></td>" : "<th scope=\"col\">" + escaped(column) + "</th>";
}

void HtmlTable::add_row(const std::vector<std::string>& cells, const std::string& html) {
  rows_ += "<tr>";
  for (const std::string& cell : cells)
    rows_ += &cell == &cells.front() ? "<th scope=\"row\">" + escaped(cell) + "</th>"
                                     : "<td>" + escaped(cell) + "</td>";
  rows_ += (html.empty() ? "" : "<td>" + html + "</td>") + "</tr>\n";
}

std::string HtmlTable::text() const {
  return "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"table\"><table>\n"
         "<thead><tr>" +
         head_ + "</tr></thead>\n<tbody>\n" + rows_ + "</tbody></table></div>\n";
}

std::string share_bar(double share) {
  return text_of("<span class=\"bar\" aria-hidden=\"true\"><i style=\"width:%.1f%%\"></i></span>",
                 100 * std::clamp(share, 0.0, 1.0));
}

std::string section(const std::string& id, const std::string& title, const std::string& html) {
  return "<section id=\"" + id + "\">\n<h2>" + escaped(title) + "</h2>\n" + html + "</section>\n";
}

std::string timeline_slider(double screens) {
  return text_of(
      "<p class=\"slider\"><label for=\"time\">Tiles, in time</label><input id=\"time\" "
      "type=\"range\" min=\"0\" max=\"%.2f\" step=\"0.02\" value=\"0\"></p>\n",
      screens - 1);
}

std::string html_page(const std::string& title, const std::string& body) {
  return "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta "
         "name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>" +
         escaped(title) + "</title>\n<style>" + style + "</style>\n</head>\n<body>\n<main>\n" +
         body + "</main>\n<script>" + script + "</script>\n</body>\n</html>\n";
}

}  // namespace flash
