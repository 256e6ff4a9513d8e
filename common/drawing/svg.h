// A writer of SVG, in one style that a page can show in its light and in its dark theme.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace flash {

struct Point {
  double x, y;
};

struct Box {
  double x, y, width, height;

  double right() const { return x + width; }
  double bottom() const { return y + height; }
  Point middle() const { return {x + width / 2, y + height / 2}; }
};

// A colour of each theme. Hues have two shades: a strong one for lines and text, and a tint for
// areas, on which ink can be read.
enum class Paint { ink, muted, grid, paper, blue, orange, green, purple, teal, red, yellow, grey };

// Over a tint, so that areas differ without their colours.
enum class Pattern { plain, stripes, back_stripes, dots, crosses };

struct Fill {
  Paint paint = Paint::grey;
  Pattern pattern = Pattern::plain;
  double opacity = 1;
};

struct Stroke {
  Paint paint = Paint::ink;
  double width = 1.5;
  bool dashed = false;
};

enum class Anchor { start, middle, end };

// Sizes are legible where the picture is 700 pixels wide.
inline constexpr double body_size = 14, small_size = 12.5;

struct Font {
  double size = body_size;
  Anchor anchor = Anchor::start;
  Paint paint = Paint::ink;
  bool bold = false;
  bool halo = false;  // of the paper's colour, for text over lines and patterns
};

inline constexpr Font small = {.size = small_size};
inline constexpr Font small_muted = {.size = small_size, .paint = Paint::muted};

// What a text of this font takes, in a sans-serif type that is rather wide.
double text_width(std::string_view text, double size, bool bold = false);

enum class Mark { circle, square, diamond, triangle };

struct LegendEntry {
  std::string text;
  Fill fill;
};

// Lengths are those of the viewBox, which is as wide as `width`; y grows downwards.
class Svg {
 public:
  static constexpr double width = 640, margin = 16;
  static constexpr double top = 44;  // below the title

  Svg(std::string_view title, std::string_view alt);

  void rect(const Box& box, const Fill& fill = {}, double rounding = 0);
  void frame(const Box& box, const Stroke& stroke = {Paint::muted, 1}, double rounding = 0);
  void line(Point from, Point to, const Stroke& stroke = {});
  void polyline(const std::vector<Point>& points, const Stroke& stroke = {});
  void arrow(Point from, Point to, const Stroke& stroke = {});
  void mark(Point at, Mark mark, Paint paint);
  // Many boxes of one fill, as one path.
  void boxes(const std::vector<Box>& boxes, const Fill& fill);
  // `at` is on the base line.
  void text(Point at, std::string_view text, const Font& font = {});
  // In the middle of the box, if it fits into it.
  void label(const Box& box, std::string_view text, Font font = small);
  // Entries in rows, from `at` on; the y below them.
  double legend(Point at, const std::vector<LegendEntry>& entries);

  // What is drawn until the end of the view is seen through `box`, which shows a part of it from
  // x = 0 on, as wide as the box; a page may move it.
  void begin_view(const Box& box);
  void end_view() { body_ += "</svg>\n"; }

  // The whole file; `id` makes a page's several pictures differ.
  std::string str(double height, std::string_view id = "") const;

 private:
  std::string tint(Paint paint);    // class="..."
  std::string strong(Paint paint);  // class="..."
  std::string stroke_attributes(const Stroke& stroke);
  void element(std::string_view shape, const Fill& fill);

  std::string title_, alt_, body_;
  std::set<std::string> classes_;
  std::set<Pattern> patterns_;
};

}  // namespace flash
