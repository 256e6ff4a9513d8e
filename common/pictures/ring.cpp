// Six uses of a ring of two slots: who waits for which phase of which barrier.
#include <array>

#include "attention/plan.h"
#include "pictures/drawings.h"

namespace flash {
namespace {

constexpr int uses = 6, depth = Plan{}.ring_depth;
static_assert(depth == 2);  // as the words below say

constexpr double first_column = 100, column = 88, lane_height = 46;
constexpr double producer_y = 92, consumer_y = 300;

// As tile/roles.h has them.
constexpr int slot_of(int use) {
  return use % depth;
}
constexpr int phase_of(int use) {
  return use / depth;
}
constexpr int parity_of(int use) {
  return phase_of(use) % 2;
}

double x_of(int use) {
  return first_column + column * use;
}

double slot_y(int slot) {
  return 160 + slot * (lane_height + 12);
}

Fill fill_of(int use) {
  return parity_of(use) == 0 ? Fill{Paint::blue} : Fill{Paint::orange, Pattern::stripes};
}

void draw_lanes(Svg& svg) {
  const auto lane = [&](double y, double height, std::string_view name, std::string_view below) {
    svg.text({Svg::margin, y + height / 2 + (below.empty() ? 5 : -2)}, name, {.bold = true});
    svg.text({Svg::margin, y + height / 2 + 14}, below, small_muted);
  };
  lane(producer_y, lane_height, "producer", "loads");
  for (int slot = 0; slot < depth; ++slot) {
    lane(slot_y(slot), lane_height, "slot " + std::to_string(slot), "");
    svg.frame({first_column - 6, slot_y(slot) - 2, column * uses + 6, lane_height + 4},
              {Paint::grid, 1}, 4);
  }
  lane(consumer_y - 20, lane_height, "readers", "consumers");
}

void draw_use(Svg& svg, int use) {
  const std::string parity = std::to_string(parity_of(use));
  const double x = x_of(use), middle = x + 38;
  const Box box = {x, slot_y(slot_of(use)) + 3, 76, lane_height - 6};
  svg.text({middle, 64}, "use " + std::to_string(use), {.anchor = Anchor::middle, .bold = true});
  svg.rect(box, fill_of(use), 4);
  svg.frame(box, {Paint::muted, 1}, 4);
  const Font in_box = {.size = small_size, .anchor = Anchor::middle, .halo = true};
  svg.text({middle, box.y + 17}, "phase " + std::to_string(phase_of(use)), in_box);
  svg.text({middle, box.y + 33}, "parity " + parity, in_box);

  const Font centred = {.size = small_size, .anchor = Anchor::middle};
  svg.text({middle, producer_y + 10}, "wait: empty", centred);
  svg.text({middle, producer_y + 25}, "parity " + std::to_string(parity_of(use) ^ 1), centred);
  svg.text({middle, producer_y + 40},
           use < depth ? "passes" : "of use " + std::to_string(use - depth),
           {.size = small_size, .anchor = Anchor::middle, .paint = Paint::muted});
  svg.text({middle, consumer_y}, "wait: full", centred);
  svg.text({middle, consumer_y + 15}, "parity " + parity, centred);
}

// Filled from above, read below, and freed for the use that comes next in the slot.
void draw_arrows(Svg& svg, int use) {
  const double x = x_of(use) + 38, y = slot_y(slot_of(use)) + 3;
  svg.arrow({x, producer_y + 46}, {x, y - 1}, {Paint::muted, 1.5});
  svg.arrow({x, y + lane_height - 5}, {x, consumer_y - 14}, {Paint::muted, 1.5});
  if (use + depth >= uses) return;
  svg.arrow({x_of(use) + 77, y + lane_height / 2 - 3},
            {x_of(use + depth) - 1, y + lane_height / 2 - 3}, {Paint::green, 2});
  svg.text({(x_of(use) + 76 + x_of(use + depth)) / 2, y + lane_height / 2 - 9}, "empty",
           {.size = small_size, .anchor = Anchor::middle, .paint = Paint::green, .halo = true});
}

double draw(Svg& svg) {
  draw_lanes(svg);
  for (int use = 0; use < uses; ++use) draw_arrows(svg, use);
  for (int use = 0; use < uses; ++use) draw_use(svg, use);
  const double y = consumer_y + 44;
  svg.text(
      {Svg::margin, y},
      "Use n takes slot n mod 2 in phase n / 2; a wait names the phase by one bit, its parity.",
      small);
  svg.text(
      {Svg::margin, y + 18},
      "A new barrier counts as one whose phase of parity 1 is over: the first two pass at once.",
      small);
  svg.text({Svg::margin, y + 36},
           "Green: all readers have arrived at “empty”; the producer may load the slot anew.",
           small);
  return y + 50;
}

}  // namespace

Picture ring_picture() {
  return {"ring", "Six uses of a ring of two slots",
          "Six uses of two slots in turn: uses 0, 2 and 4 take slot 0, uses 1, 3 and 5 slot 1. The "
          "consumers wait for the full barrier with the parity of the use's phase: 0, 0, 1, 1, 0, "
          "0. The producer waits for the empty barrier with the other parity; for the first two "
          "uses this passes at once, later it waits until the consumers have read the use two "
          "before.",
          draw};
}

}  // namespace flash
