// m, l and O over three tiles of keys: as they should be, and with two mistakes.
#include <algorithm>
#include <array>
#include <cmath>

#include "drawing/axes.h"
#include "drawing/svg_text.h"
#include "pictures/drawings.h"
#include "worked/softmax.h"

namespace flash {
namespace {

constexpr double column = 208, bar_begin = 20, bar_length = 84, bar_step = 20;

struct Row {
  Rescaling rescaling;
  std::string_view verdict, formula;
};

constexpr Row rows[] = {
    {Rescaling::right, "✓ Right", "l' = e^(m − m') l + sum of P,  O' = (e^(m − m') l O + PV) / l'"},
    {Rescaling::l_left_out, "✗ Wrong: l left out in front of O", "O' = (e^(m − m') O + PV) / l'"},
    {Rescaling::none, "✗ Wrong: no rescale", "l' = l + sum of P,  O' = (l O + PV) / l'"},
};

std::array<double, 3> values_of(const SoftmaxState& state) {
  return {state.m, state.l, state.O};
}

std::array<double, 3> largest_values() {
  std::array<double, 3> largest{};
  for (const Row& row : rows)
    for (const SoftmaxState& state : online_softmax(row.rescaling))
      for (int i = 0; i < 3; ++i) largest[i] = std::max(largest[i], values_of(state)[i]);
  return largest;
}

// Bars of m, l and O; those that are not what they should be are marked.
void draw_state(Svg& svg, Point at, const SoftmaxState& state, const SoftmaxState& right) {
  static constexpr std::string_view names[] = {"m", "l", "O"};
  static constexpr Paint paints[] = {Paint::grey, Paint::teal, Paint::blue};
  const std::array<double, 3> largest = largest_values();
  for (int i = 0; i < 3; ++i) {
    const double value = values_of(state)[i], y = at.y + i * bar_step;
    const bool wrong = std::abs(value - values_of(right)[i]) > 1e-9;
    const Box box = {at.x + bar_begin, y, bar_length * value / largest[i], 14};
    svg.text({at.x, y + 12}, names[i], small);
    svg.rect(box, wrong ? Fill{Paint::red, Pattern::stripes} : Fill{paints[i]});
    svg.frame(box);
    svg.text({box.right() + 5, y + 12}, number(value, 4) + (wrong ? " ✗" : ""),
             {.size = small_size, .paint = wrong ? Paint::red : Paint::ink});
  }
}

// From one tile's state to the next one's.
void draw_rescale(Svg& svg, Point at, const SoftmaxState& next, bool wrong) {
  const Paint paint = wrong ? Paint::red : Paint::muted;
  svg.text({at.x + 21, at.y - 5}, "× " + number(next.rescale, 3),
           {.size = small_size, .anchor = Anchor::middle, .paint = paint, .halo = true});
  svg.arrow({at.x, at.y}, {at.x + 42, at.y}, {paint, 1.5, wrong});
}

void draw_row(Svg& svg, const Row& row, double y) {
  const std::array<SoftmaxState, 3> states = online_softmax(row.rescaling);
  const std::array<SoftmaxState, 3> right = online_softmax();
  const bool is_right = row.rescaling == Rescaling::right;
  svg.text({Svg::margin, y + 14}, row.verdict,
           {.paint = is_right ? Paint::green : Paint::red, .bold = true});
  svg.text({Svg::width - Svg::margin, y + 14}, row.formula,
           {.size = small_size, .anchor = Anchor::end, .paint = Paint::muted});
  for (int tile = 0; tile < 3; ++tile) {
    const double x = Svg::margin + tile * column;
    draw_state(svg, {x, y + 28}, states[tile], right[tile]);
    if (tile < 2)
      draw_rescale(svg, {x + column - 56, y + 47}, states[tile + 1],
                   row.rescaling == Rescaling::none);
  }
  svg.text({Svg::width - Svg::margin, y + 104},
           "at the end: O = " + number(states[2].O, 4) +
               (std::abs(states[2].O - right[2].O) > 1e-9 ? " ✗" : "") +
               ",  LSE = m + ln l = " + number(states[2].LSE(), 4) +
               (std::abs(states[2].LSE() - right[2].LSE()) > 1e-9 ? " ✗" : ""),
           {.size = small_size, .anchor = Anchor::end});
}

double draw(Svg& svg) {
  for (int tile = 0; tile < 3; ++tile) {
    const auto& [S, V] = softmax_tiles[tile];
    svg.text({Svg::margin + tile * column, Svg::top + 12},
             "tile " + std::to_string(tile) + ": S = " + number(S[0]) + ", " + number(S[1]) +
                 "; V = " + number(V[0]) + ", " + number(V[1]),
             {.size = small_size, .bold = true});
  }
  double y = Svg::top + 28;
  for (const Row& row : rows) {
    svg.line({Svg::margin, y - 6}, {Svg::width - Svg::margin, y - 6}, {Paint::grid, 1});
    draw_row(svg, row, y);
    y += 122;
  }
  return y - 4;
}

}  // namespace

Picture online_softmax_picture() {
  return {"online_softmax", "Online softmax: one query, three tiles of two keys",
          "Bars of the running maximum m, the sum l and the output O after each of three tiles. "
          "Between two tiles, l and O are multiplied by e to the difference of the maxima. Below, "
          "the same with two mistakes: where O is not multiplied by l again, O comes out wrong and "
          "the log-sum-exp right; without the rescaling both are wrong.",
          draw};
}

}  // namespace flash
