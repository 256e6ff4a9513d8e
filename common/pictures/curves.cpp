// Two curves: what Algorithm 1 moves with tiles of so many keys, and how errors grow with the keys.
#include <cmath>
#include <nlohmann/json.hpp>

#include "drawing/axes.h"
#include "drawing/svg_text.h"
#include "pictures/drawings.h"
#include "worked/block_curve.h"

namespace flash {
namespace {

double draw_block_size(Svg& svg) {
  const Box box = {72, 70, Svg::width - 72 - 2 * Svg::margin, 170};
  const Scale up = {0, 7e9, box.bottom(), box.y};
  y_axis(svg, box, up, {{0, "0"}, {2e9, "2"}, {4e9, "4"}, {6e9, "6"}}, "GB");
  double x = box.x + 30;
  for (const int key_rows : {64, 128, 256, 512}) {
    const double bytes = bytes_of_algorithm_1(key_rows);
    const Box bar = {x, up(bytes), 90, box.bottom() - up(bytes)};
    svg.rect(bar, {Paint::blue});
    svg.frame(bar, {Paint::muted, 1});
    svg.text({x + 45, bar.y - 6}, number(bytes * 1e-9),
             {.anchor = Anchor::middle, .bold = true, .halo = true});
    svg.text({x + 45, box.bottom() + 16}, std::to_string(key_rows) + " keys",
             {.size = small_size, .anchor = Anchor::middle});
    x += 132;
  }
  svg.text(
      {Svg::margin, box.bottom() + 40},
      "Q and O in and O out for each tile of keys: N = 1024, d = 64, 16 heads, 64 sequences, fp16.",
      small_muted);
  return box.bottom() + 52;
}

struct Curve {
  std::string_view kernel, label;
  Paint paint;
  Mark mark;
  bool dashed = false;
};

void draw_curve(Svg& svg, const nlohmann::json& results, const Curve& curve, const Scale& x,
                const Scale& y, double label_y) {
  std::vector<Point> points;
  for (const nlohmann::json& figure : results.at("figures"))
    if (figure.at("dtype") == "f32" && figure.at("rows") == "all" &&
        figure.at("kernel") == curve.kernel)
      points.push_back({x(figure.at("keys")), y(figure.at("max_abs_error"))});
  if (points.empty()) return;
  svg.polyline(points, {curve.paint, 2, curve.dashed});
  for (const Point& point : points) svg.mark(point, curve.mark, curve.paint);
  svg.text({x.end + 10, label_y}, curve.label, {.size = small_size, .bold = true});
}

double draw_error_growth(Svg& svg, const nlohmann::json& results) {
  const Box box = {72, 76, 420, 200};
  const Scale x = {1024, 1048576, box.x, box.right(), true};
  const Scale y = {5e-7, 4e-5, box.bottom(), box.y, true};
  x_axis(svg, box, x,
         {{1024, "1k"},
          {4096, "4k"},
          {16384, "16k"},
          {65536, "64k"},
          {262144, "256k"},
          {1048576, "1M"}},
         "keys");
  y_axis(svg, box, y, {{1e-6, "1e-6"}, {1e-5, "1e-5"}}, "largest error of O, f32");
  const Curve curves[] = {
      {"02, x (1/l)", "02, times 1/l", Paint::red, Mark::triangle, true},
      {"02", "02", Paint::blue, Mark::circle},
      {"03", "03", Paint::orange, Mark::square},
      {"06, 8 splits", "06, 8 splits", Paint::green, Mark::diamond},
  };
  std::vector<double> wanted;
  for (const Curve& curve : curves)
    for (const nlohmann::json& figure : results.at("figures"))
      if (figure.at("dtype") == "f32" && figure.at("rows") == "all" &&
          figure.at("kernel") == curve.kernel && figure.at("keys") == 1048576)
        wanted.push_back(y(figure.at("max_abs_error")) + 5);
  const std::vector<double> labels = spread(wanted, 17);
  for (std::size_t i = 0; i < std::size(curves) && i < labels.size(); ++i)
    draw_curve(svg, results, curves[i], x, y, labels[i]);
  return box.bottom() + 46;
}

}  // namespace

Picture block_size_picture() {
  return {"block_size", "What FlashAttention moves, by the keys of a tile",
          "Four bars: with tiles of 64, 128, 256 and 512 keys Algorithm 1 moves 6.4, 3.2, 1.6 and "
          "0.8 GB.",
          draw_block_size};
}

Picture error_growth_picture(const PictureSources& sources) {
  return {"error_growth", "Errors and the number of keys",
          "Four curves of the largest error in fp32 for 1024 to a million keys. Those of 02, 02 "
          "with a reciprocal and 03 are flat to 16k keys and rise tenfold to a million; that of 06 "
          "with 8 splits stays flat.",
          [sources](Svg& svg) { return draw_error_growth(svg, sources.results("error_growth")); }};
}

}  // namespace flash
