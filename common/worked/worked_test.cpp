// Examples whose numbers are known by hand.
#include "worked/worked.h"

#include <gtest/gtest.h>

#include <cmath>

#include "worked/gradients.h"

namespace flash {
namespace {

void expect_near(const Square& found, const Square& expected) {
  EXPECT_LT(difference(found, expected), 1e-12);
}

// By hand: S = (0, ln 3) and (1, 1), dP = (2, 6) and (2, 10), D = 5 and 6.
TEST(SmallGradients, ByHand) {
  const SmallGradients g = small_gradients(small_problem());
  const double ln_3 = std::log(3.0);
  expect_near(g.S, {{{0, ln_3}, {1, 1}}});
  expect_near(g.P, {{{0.25, 0.75}, {0.5, 0.5}}});
  expect_near(g.O, {{{5, 3}, {4, 2}}});
  expect_near(g.dP, {{{2, 6}, {2, 10}}});
  EXPECT_NEAR(g.D[0], 5, 1e-12);
  EXPECT_NEAR(g.D[1], 6, 1e-12);
  expect_near(g.dS, {{{-0.75, 0.75}, {-2, 2}}});
  expect_near(g.dV, {{{0.75, 0.5}, {1.25, 0.5}}});
  expect_near(g.dQ, {{{-0.375, 0.75}, {-1, 2}}});
  expect_near(g.dK, {{{-2, -0.375 * ln_3 - 1}, {2, 0.375 * ln_3 + 1}}});
}

TEST(SmallGradients, DifferenceQuotients) {
  SmallProblem p = small_problem();
  EXPECT_LT(off_by_quotients(p, small_gradients(p)), 1e-7);
  p.causal = true;
  EXPECT_LT(off_by_quotients(p, small_gradients(p)), 1e-7);
}

// D = dO . O = sum P dP, by hand: P Z = (1/2, 0) and (1, 1), O = (1, 0) and (8, 4).
TEST(SmallGradients, WithDropoutDIsStillOfO) {
  SmallProblem p = small_problem();
  p.Z = {{{2, 0}, {2, 2}}};
  const SmallGradients g = small_gradients(p);
  expect_near(g.O, {{{1, 0}, {8, 4}}});
  expect_near(g.dP, {{{4, 0}, {4, 20}}});
  EXPECT_NEAR(g.D[0], 1, 1e-12);
  EXPECT_NEAR(g.D[1], 12, 1e-12);
  expect_near(g.dS, {{{0.75, -0.75}, {-4, 4}}});
  EXPECT_LT(off_by_quotients(p, g), 1e-7);
}

// A weight of a key that a mask hides: e^(ln 3 - 0).
TEST(SmallGradients, WithoutTheMaskAWeightIsAboveOne) {
  SmallProblem p = small_problem();
  p.causal = true;
  EXPECT_NEAR(small_gradients(p, Slip::mask_forgotten).P[0][1], 3, 1e-12);
}

TEST(SmallGradients, EverySlipShows) {
  SmallProblem p = small_problem();
  p.causal = true;
  const SmallGradients right = small_gradients(p);
  for (int slip = 1; slip <= static_cast<int>(Slip::last_query_head); ++slip) {
    const SmallGradients wrong = small_gradients(p, static_cast<Slip>(slip));
    EXPECT_GT(difference(right.dQ, wrong.dQ) + difference(right.dK, wrong.dK) +
                  difference(right.dV, wrong.dV),
              0.01)
        << slip;
  }
}

TEST(WorkedExamples, HaveNamesOfTheirOwnAndEndWithANewline) {
  for (const WorkedExample& example : worked_examples()) {
    int count = 0;
    for (const WorkedExample& other : worked_examples()) count += other.name == example.name;
    EXPECT_EQ(count, 1) << example.name;
    EXPECT_TRUE(example.text().ends_with('\n')) << example.name;
  }
}

}  // namespace
}  // namespace flash
