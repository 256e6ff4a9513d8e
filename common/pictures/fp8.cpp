// The numbers that FP8 has, and what a rotation does to a row with an outlier.

#include "tile/fp8.h"

#include <algorithm>
#include <cmath>
#include <random>

#include "drawing/axes.h"
#include "drawing/svg_text.h"
#include "pictures/drawings.h"
#include "worked/nearly_normal.h"
#include "worked/rotation.h"

namespace flash {
namespace {

// The positive numbers of a format, in order.
template <class Format>
std::vector<double> numbers_of() {
  std::vector<double> numbers;
  for (int code = 1; code < 128; ++code) {
    const double x = tile::to_float(Format{static_cast<std::uint8_t>(code)});
    if (std::isfinite(x)) numbers.push_back(x);
  }
  return numbers;
}

// A row of strokes, and how many there are from one power of two to the next.
void draw_format(Svg& svg, double y, const Scale& x, const std::string& title,
                 const std::vector<double>& numbers, Paint paint) {
  svg.text({Svg::margin, y - 8}, title, {.bold = true});
  for (const double value : numbers) svg.line({x(value), y}, {x(value), y + 34}, {paint, 1});
  svg.line({x(numbers.front()), y + 34}, {x(numbers.back()), y + 34}, {Paint::muted, 1});
  const auto at = [&](double value, Anchor anchor) {
    svg.text({x(value), y + 52}, number(value, 6),
             {.size = small_size, .anchor = anchor, .paint = Paint::muted});
  };
  at(numbers.front(), Anchor::start);
  at(numbers.back(), Anchor::end);
}

double draw_formats(Svg& svg) {
  const Scale x = {0x1p-17, 65536, 2 * Svg::margin, Svg::width - 2 * Svg::margin, true};
  draw_format(svg, 72, x, "E4M3: 8 numbers from one power of two to the next, up to 448",
              numbers_of<tile::e4m3>(), Paint::blue);
  draw_format(svg, 164, x, "E5M2: 4 numbers, up to 57344", numbers_of<tile::e5m2>(), Paint::orange);
  svg.text(
      {Svg::margin, 244},
      "A logarithmic line: a stroke for each positive number. At the left end of each they are",
      small_muted);
  svg.text({Svg::margin, 260}, "subnormal, and thin out: what is smaller than half the first is 0.",
           small_muted);
  return 272;
}

RotatedRow with_outlier() {
  std::minstd_rand random(3);
  RotatedRow row{};
  for (double& x : row) x = nearly_normal(random);
  row[21] = 12;
  return row;
}

void draw_row(Svg& svg, double y, const std::string& title, const RotatedRow& row, Paint paint) {
  constexpr double left = 64, column = 8.5, unit = 4.6;
  svg.text({Svg::margin, y - 66}, title, {.bold = true});
  svg.line({left, y}, {left + column * static_cast<double>(row.size()), y}, {Paint::muted, 1});
  std::vector<Box> bars;
  double largest = 0;
  for (std::size_t c = 0; c < row.size(); ++c) {
    const double height = std::abs(row[c]) * unit;
    bars.push_back({left + column * static_cast<double>(c) + 1, row[c] > 0 ? y - height : y,
                    column - 2, height});
    largest = std::max(largest, std::abs(row[c]));
  }
  svg.boxes(bars, {paint});
  svg.text({Svg::margin, y + 5}, "0", small_muted);
  svg.text({left, y + 36}, "largest magnitude " + number(largest), small);
}

double draw_rotation(Svg& svg) {
  const RotatedRow row = with_outlier();
  draw_row(svg, 124, "A row of Q, with an outlier", row, Paint::red);
  draw_row(svg, 260, "The same row, rotated", rotated(row), Paint::green);
  return 306;
}

}  // namespace

Picture fp8_formats_picture() {
  return {"fp8_formats", "The numbers that FP8 has",
          "Two logarithmic lines with a stroke for each positive number. E4M3 has eight between "
          "powers of two and ends at 448; E5M2 has four, and ends at 57344. Both thin out at the "
          "left end.",
          draw_formats};
}

Picture fp8_rotation_picture() {
  return {"fp8_rotation", "An outlier, before and after the rotation",
          "Two rows of 64 bars. In the first one bar is several times as high as all others; in "
          "the second, the same row times random signs and a Hadamard matrix, all bars are of "
          "similar height.",
          draw_rotation};
}

}  // namespace flash
