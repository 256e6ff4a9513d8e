#include "drawing/svg.h"

#include <algorithm>
#include <cctype>
#include <cmath>

#include "drawing/svg_text.h"

namespace flash {
namespace {

std::string attributes(const Box& box) {
  return "x=\"" + number(box.x) + "\" y=\"" + number(box.y) + "\" width=\"" + number(box.width) +
         "\" height=\"" + number(box.height) + "\"";
}

std::string pair(Point p) {
  return number(p.x) + "," + number(p.y);
}

std::string path_of(const std::vector<Box>& boxes) {
  std::string d;
  for (const Box& box : boxes)
    d += "M" + number(box.x) + " " + number(box.y) + "h" + number(box.width) + "v" +
         number(box.height) + "h" + number(-box.width) + "z";
  return d;
}

}  // namespace

Svg::Svg(std::string_view title, std::string_view alt) : title_(title), alt_(alt) {
  text({margin, 28}, title, {.size = 16, .bold = true});
}

std::string Svg::tint(Paint paint) {
  return "class=\"" + *classes_.insert("b-" + std::string(name(paint))).first + "\"";
}

std::string Svg::strong(Paint paint) {
  return "class=\"" + *classes_.insert("f-" + std::string(name(paint))).first + "\"";
}

std::string Svg::stroke_attributes(const Stroke& stroke) {
  return "class=\"" + *classes_.insert("s-" + std::string(name(stroke.paint))).first +
         "\" stroke-width=\"" + number(stroke.width) + "\"" +
         (stroke.dashed ? " stroke-dasharray=\"6 4\"" : "");
}

// A shape with its area; `shape` lacks the end of its tag. A pattern is a second shape over it.
void Svg::element(std::string_view shape, const Fill& fill) {
  const std::string begin(shape);
  body_ += begin + " " + tint(fill.paint) +
           (fill.opacity < 1 ? " fill-opacity=\"" + number(fill.opacity, 2) + "\"" : "") + "/>\n";
  if (fill.pattern == Pattern::plain) return;
  patterns_.insert(fill.pattern);
  classes_.insert("s-ink");
  body_ += begin + " fill=\"url(#" + std::string(name(fill.pattern)) + ")\"/>\n";
}

void Svg::rect(const Box& box, const Fill& fill, double rounding) {
  element("<rect " + attributes(box) + (rounding > 0 ? " rx=\"" + number(rounding) + "\"" : ""),
          fill);
}

void Svg::boxes(const std::vector<Box>& boxes, const Fill& fill) {
  if (!boxes.empty()) element("<path d=\"" + path_of(boxes) + "\"", fill);
}

void Svg::frame(const Box& box, const Stroke& stroke, double rounding) {
  body_ += "<rect " + attributes(box) + (rounding > 0 ? " rx=\"" + number(rounding) + "\"" : "") +
           " fill=\"none\" " + stroke_attributes(stroke) + "/>\n";
}

void Svg::line(Point from, Point to, const Stroke& stroke) {
  polyline({from, to}, stroke);
}

void Svg::polyline(const std::vector<Point>& points, const Stroke& stroke) {
  body_ += "<polyline points=\"";
  for (std::size_t i = 0; i < points.size(); ++i) body_ += (i > 0 ? " " : "") + pair(points[i]);
  body_ += "\" fill=\"none\" " + stroke_attributes(stroke) + "/>\n";
}

void Svg::arrow(Point from, Point to, const Stroke& stroke) {
  const double dx = to.x - from.x, dy = to.y - from.y, length = std::hypot(dx, dy);
  const double head = 3 + 3 * stroke.width, half = 0.45 * head;
  const Point along = {dx / length, dy / length};
  const Point base = {to.x - head * along.x, to.y - head * along.y};
  line(from, base, stroke);
  body_ += "<polygon points=\"" + pair(to) + " " +
           pair({base.x - half * along.y, base.y + half * along.x}) + " " +
           pair({base.x + half * along.y, base.y - half * along.x}) + "\" " + strong(stroke.paint) +
           "/>\n";
}

void Svg::mark(Point at, Mark mark, Paint paint) {
  const std::string fill = strong(paint);
  if (mark == Mark::circle) {
    body_ +=
        "<circle cx=\"" + number(at.x) + "\" cy=\"" + number(at.y) + "\" r=\"5\" " + fill + "/>\n";
    return;
  }
  std::vector<Point> corners = {{-4.5, -4.5}, {4.5, -4.5}, {4.5, 4.5}, {-4.5, 4.5}};
  if (mark == Mark::diamond) corners = {{0, -6}, {6, 0}, {0, 6}, {-6, 0}};
  if (mark == Mark::triangle) corners = {{0, -6}, {5.5, 4.5}, {-5.5, 4.5}};
  body_ += "<polygon points=\"";
  for (const Point& p : corners) body_ += pair({at.x + p.x, at.y + p.y}) + " ";
  body_.back() = '"';
  body_ += " " + fill + "/>\n";
}

void Svg::text(Point at, std::string_view text, const Font& font) {
  constexpr std::string_view anchors[] = {"start", "middle", "end"};
  if (font.halo) classes_.insert("halo");
  std::string with_class = strong(font.paint);
  if (font.halo) with_class.insert(with_class.size() - 1, " halo");
  body_ += "<text x=\"" + number(at.x) + "\" y=\"" + number(at.y) + "\" font-size=\"" +
           number(font.size) + "\" " + with_class +
           (font.anchor == Anchor::start
                ? ""
                : " text-anchor=\"" + std::string(anchors[static_cast<int>(font.anchor)]) + "\"") +
           (font.bold ? " font-weight=\"600\"" : "") + ">" + escaped(text) + "</text>\n";
}

void Svg::label(const Box& box, std::string_view text, Font font) {
  if (text_width(text, font.size, font.bold) + 4 > box.width || font.size > box.height + 2) return;
  font.anchor = Anchor::middle;
  this->text({box.middle().x, box.middle().y + 0.36 * font.size}, text, font);
}

double Svg::legend(Point at, const std::vector<LegendEntry>& entries) {
  constexpr double swatch = 22, row = 20;
  Point next = at;
  for (const LegendEntry& entry : entries) {
    const double entry_width = swatch + 6 + text_width(entry.text, small_size);
    if (next.x > at.x && next.x + entry_width > width - margin) next = {at.x, next.y + row};
    const Box box = {next.x, next.y, swatch, 13};
    rect(box, entry.fill);
    frame(box);
    text({next.x + swatch + 6, next.y + 11}, entry.text, small);
    next.x += entry_width + 14;
  }
  return next.y + row;
}

void Svg::begin_view(const Box& box) {
  body_ += "<svg class=\"view\" " + attributes(box) + " viewBox=\"0 0 " + number(box.width) + " " +
           number(box.height) + "\">\n";
}

std::string Svg::str(double height, std::string_view id) const {
  const std::string w = number(width), h = number(height);
  const std::string title_id = "title" + std::string(id), desc_id = "desc" + std::string(id);
  std::string defs;
  for (const Pattern pattern : patterns_) defs += definition(pattern);
  return "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 " + w + " " + h +
         "\" width=\"720\" height=\"" + number(720 / width * height) +
         "\" role=\"img\" aria-labelledby=\"" + title_id + " " + desc_id + "\">\n<title id=\"" +
         title_id + "\">" + escaped(title_) + "</title>\n<desc id=\"" + desc_id + "\">" +
         escaped(alt_) + "</desc>\n" + style_sheet(classes_) +
         (defs.empty() ? "" : "<defs>\n" + defs + "</defs>\n") +
         "<rect x=\"0.5\" y=\"0.5\" width=\"" + number(width - 1) + "\" height=\"" +
         number(height - 1) + "\" rx=\"6\" class=\"b-paper s-grid\"/>\n" + body_ + "</svg>\n";
}

}  // namespace flash
