// Who gets which work: the warps of a block, and the SMs of a GPU.
#include <algorithm>
#include <array>

#include "attention/plan.h"
#include "drawing/svg_text.h"
#include "pictures/drawings.h"

namespace flash {
namespace {

constexpr int warps = 4;
constexpr std::array<Fill, warps> fill_of_warp = {{{Paint::blue},
                                                   {Paint::orange, Pattern::stripes},
                                                   {Paint::green, Pattern::back_stripes},
                                                   {Paint::purple, Pattern::dots}}};

// S of a tile, cut into four.
void draw_scores(Svg& svg, const Box& S, bool by_keys) {
  for (int w = 0; w < warps; ++w) {
    const Box part = by_keys ? Box{S.x + S.width / warps * w, S.y, S.width / warps, S.height}
                             : Box{S.x, S.y + S.height / warps * w, S.width, S.height / warps};
    svg.rect(part, fill_of_warp[w]);
    svg.frame(part, {Paint::muted, 1});
    svg.label(part, "warp " + std::to_string(w), {.size = small_size, .halo = true});
  }
}

void draw_split(Svg& svg, double x, std::string_view title, std::string_view who, bool by_keys) {
  const Box S = {x, 124, 236, 96};
  svg.text({x, 62}, title, {.bold = true});
  svg.text({x, 80}, who, small);
  svg.text({x, S.y - 8}, "queries ↓   keys →", small_muted);
  draw_scores(svg, S, by_keys);
  const double y = S.bottom() + 46;
  for (int w = 0; w < warps; ++w) {
    const Box O = by_keys ? Box{x + 62.0 * w, y, 50, 64} : Box{x, y + 16.0 * w, 236, 16};
    svg.rect(O, fill_of_warp[w]);
    svg.frame(O, {Paint::muted, 1});
    const double middle = by_keys ? O.middle().x : x + 118;
    if (by_keys || w == 0)
      svg.arrow({middle, S.bottom() + 4}, {middle, y - 4}, {Paint::muted, 1.5});
    if (by_keys && w < warps - 1) svg.text({O.right() + 2, y + 36}, "+", {.bold = true});
  }
  svg.text({x, y + 86},
           by_keys ? "four partial O's of all rows, added" : "one O: each row is one warp's",
           small);
  svg.text({x, y + 103}, by_keys ? "through shared memory" : "nothing to exchange", small);
}

double draw_warps(Svg& svg) {
  draw_split(svg, 24, "FlashAttention-1: split-K", "a warp has a quarter of the keys", true);
  draw_split(svg, 348, "FlashAttention-2: split-Q", "a warp has a quarter of the queries", false);
  return 384;
}

// One query of 16 heads on 2 key heads, 65536 keys.
constexpr Problem decoding = {
    .heads = 16, .kv_heads = 2, .seqlen_q = 1, .seqlen_k = 65536, .head_dim = 128};
constexpr int sms = 132, sms_a_row = 33;

// SMs with a block, and how long the block with the most keys reads.
double draw_splits(Svg& svg, double y, int splits) {
  const Plan plan = decoding_plan(decoding.shape());
  int blocks = 0;
  std::int64_t most = 0;
  for (int split = 0; split < splits; ++split) {
    const KeyRange keys = keys_of_split(decoding.seqlen_k, plan.tiles.key_rows, split, splits);
    if (keys.end <= keys.begin) continue;
    blocks += static_cast<int>(decoding.kv_heads);
    most = std::max(most, keys.end - keys.begin);
  }
  svg.text({Svg::margin, y}, std::to_string(splits) + (splits == 1 ? " split" : " splits"),
           {.bold = true});
  svg.text({90, y}, std::to_string(blocks) + " of " + std::to_string(sms) + " SMs have work",
           small);
  std::vector<Box> with_work, without;
  for (int sm = 0; sm < sms; ++sm)
    (sm < blocks ? with_work : without)
        .push_back(
            {Svg::margin + 18.3 * (sm % sms_a_row), y + 10 + 13.0 * (sm / sms_a_row), 15, 10});
  svg.boxes(with_work, {Paint::blue});
  svg.boxes(without, {Paint::grey, Pattern::plain, 0.5});
  const double width = 604 * static_cast<double>(most) / static_cast<double>(decoding.seqlen_k);
  const Box time = {Svg::margin, y + 70, std::max(2.0, width), 12};
  svg.rect(time, {Paint::orange, Pattern::stripes});
  svg.frame(time, {Paint::muted, 1});
  svg.text({Svg::margin, y + 98}, "each reads " + std::to_string(most) + " keys", small);
  return y + 130;
}

double draw_sms(Svg& svg) {
  double y = 62;
  for (const int splits : {1, 8, 57}) y = draw_splits(svg, y, splits);
  svg.text({Svg::margin, y - 6},
           "One query of 16 heads on 2 key heads, 65536 keys. Bars: how long a block reads.",
           small_muted);
  return y + 6;
}

}  // namespace

Picture warps_picture() {
  return {"warps", "Which warp has which part of S",
          "Two squares of scores. In FlashAttention-1 four warps have a quarter of the keys each, "
          "and four partial outputs are added through shared memory. In FlashAttention-2 they have "
          "a quarter of the queries each, and each warp's rows of the output are its own.",
          draw_warps};
}

Picture sms_picture() {
  return {"sms", "Splitting the keys fills the GPU",
          "A grid of 132 SMs three times. With one split 2 SMs have work and read 65536 keys each; "
          "with 8 splits 16; with 57 splits 114, which read 1152 keys each.",
          draw_sms};
}

}  // namespace flash
