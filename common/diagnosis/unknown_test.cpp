// Wrong outputs that are no known mistake's: they must not get a name, but a place.
#include <gtest/gtest.h>

#include <functional>
#include <limits>

#include "check/generator.h"
#include "diagnosis/diagnosis.h"
#include "testing/scalar_kernel.h"

namespace flash {
namespace {

Problem medium(bool causal = false, DType dtype = DType::f32) {
  return {.batch = 2,
          .heads = 4,
          .kv_heads = 2,
          .seqlen_q = 150,
          .seqlen_k = 203,
          .head_dim = 16,
          .dtype = dtype,
          .causal = causal};
}

CheckResult diagnosed(const Problem& problem, const Inputs& inputs, const Outputs& outputs) {
  CheckResult result = check(problem, expect(problem, inputs), outputs);
  diagnose(problem, inputs, outputs, result);
  return result;
}

class UnknownBug : public testing::TestWithParam<Bug> {};

TEST_P(UnknownBug, HasNoName) {
  for (const DType dtype : {DType::f32, DType::bf16, DType::f16})
    for (const bool causal : {false, true}) {
      const Problem problem = medium(causal, dtype);
      const Inputs inputs = generate(problem, 0);
      const CheckResult result =
          diagnosed(problem, inputs, scalar_kernel(problem, inputs, GetParam()));
      EXPECT_EQ(result.looks_like, "") << describe(result);
    }
}

INSTANTIATE_TEST_SUITE_P(Bugs, UnknownBug,
                         testing::Values(Bug::every_second_key, Bug::last_two_keys_missing,
                                         Bug::mask_shows_two_more, Bug::temperature, Bug::capped,
                                         Bug::squared, Bug::shifted_v, Bug::skips_tile_1));

// What a bug does to an element of O, or to LSE where the column is -1.
using Change = std::function<float(float right, std::int64_t batch, std::int64_t head,
                                   std::int64_t row, std::int64_t column)>;

CheckResult changed(const Problem& p, const Change& change) {
  const Inputs inputs = generate(p, 0);
  Outputs outputs = scalar_kernel(p, inputs);
  for_each_row(all_rows(p), [&](std::int64_t, std::int64_t b, std::int64_t row) {
    for (std::int64_t h = 0; h < p.heads; ++h) {
      float& lse = outputs.lse[p.row_offset(b, h) + row];
      lse = change(lse, b, h, row, -1);
      for (std::int64_t c = 0; c < p.head_dim; ++c) {
        const std::int64_t i = q_offset(p, b, row, h) + c;
        set_element(outputs.o, p.dtype, i, change(element(outputs.o, p.dtype, i), b, h, row, c));
      }
    }
  });
  return diagnosed(p, inputs, outputs);
}

struct Place {
  const char* where;
  bool (*is_wrong)(std::int64_t batch, std::int64_t head, std::int64_t row, std::int64_t column);
};

using I = std::int64_t;

constexpr Place places[] = {
    {"O: everywhere", [](I, I, I, I) { return true; }},
    {"O: only rows from 128 on", [](I, I, I row, I) { return row >= 128; }},
    {"O: only the first row of each tile of 64", [](I, I, I row, I) { return row % 64 == 0; }},
    {"O: only the last row of each tile of 32", [](I, I, I row, I) { return row % 32 == 31; }},
    {"O: only the second half of each tile of 128 rows",
     [](I, I, I row, I) { return row % 128 >= 64; }},
    {"O: only row 0", [](I, I, I row, I) { return row == 0; }},
    {"O: only the last row", [](I, I, I row, I) { return row == 149; }},
    {"O: only heads other than 0", [](I, I head, I, I) { return head != 0; }},
    {"O: only heads that are not the first of their group",
     [](I, I head, I, I) { return head % 2 != 0; }},
    {"O: only sequences other than the first", [](I batch, I, I, I) { return batch != 0; }},
    {"O: only columns from 8 on", [](I, I, I, I column) { return column >= 8; }},
    {"O: only odd columns", [](I, I, I, I column) { return column % 2 == 1; }},
    {"O: only sequences other than the first; head 0; row 0; column 3",
     [](I batch, I head, I row, I column) {
       return batch == 1 && head == 0 && row == 0 && column == 3;
     }},
};

TEST(UnknownPlace, IsSaid) {
  for (const Place& place : places) {
    const CheckResult result = changed(medium(), [&](float x, I b, I h, I row, I c) {
      return c >= 0 && place.is_wrong(b, h, row, c) ? x + 1.0f + 0.37f * float((row + c) % 5) : x;
    });
    EXPECT_EQ(result.looks_like, "") << describe(result);
    EXPECT_EQ(result.where, place.where);
  }
}

TEST(UnknownPlace, OfCausalRowsIsSaid) {
  const CheckResult result = changed(medium(true), [&](float x, I, I, I row, I c) {
    return c >= 0 && (row + 54) % 64 != 0 ? x + 1.0f : x;  // the diagonal is N_k - N_q = 53
  });
  EXPECT_EQ(result.where, "O: only rows whose diagonal is inside a tile of 64 keys");
}

TEST(UnknownValues, AreSaid) {
  const auto values = [](const Change& change) { return changed(medium(), change).values; };
  constexpr float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(values([](float x, I, I, I, I c) { return c < 0 ? x : x / 2; }),
            "0.5 times what they should be");
  EXPECT_EQ(values([](float x, I, I, I row, I c) { return c < 0 || row < 64 ? x : 2 * x; }),
            "2 times what they should be");
  EXPECT_EQ(values([](float x, I, I, I row, I c) { return c < 0 ? x : x * float(row + 2); }),
            "each row is some factor, 2 to 151, times what it should be");
  EXPECT_EQ(values([](float x, I, I, I, I c) { return c < 0 ? x + 0.693147f : x; }),
            "off by +0.6931");
  EXPECT_EQ(values([](float x, I, I, I, I c) { return c < 0 ? 1.5f * x : x; }),
            "1.5 times what they should be");
  EXPECT_EQ(values([](float x, I, I, I row, I c) { return c >= 0 && row >= 100 ? nan : x; }),
            "NaN, computed");
  EXPECT_EQ(values([](float x, I, I, I row, I c) { return c >= 0 && row >= 100 ? 0 : x; }), "0");
}

// Outputs that are no attempt at all.
TEST(Cheats, AreRejectedAndNamed) {
  const Problem p = medium();
  const Inputs inputs = generate(p, 0);
  const std::pair<Bug, const char*> cheats[] = {
      {Bug::mean_of_v, "the mean of V"},
      {Bug::zeros, "every element is 0"},
      {Bug::constant, "every element is 0.75"},
      {Bug::nan, "every element is NaN"},
      {Bug::half_of_keys, "only the first half of the keys is read"},
      {Bug::no_scale, "the scale of the scores, 1/sqrt(head_dim), is missing"},
      {Bug::answer_of_next_head, "every head has the answer of the next head"}};
  for (const auto& [bug, name] : cheats) {
    const CheckResult result = diagnosed(p, inputs, scalar_kernel(p, inputs, bug));
    EXPECT_FALSE(result.passed) << name;
    EXPECT_EQ(result.looks_like.substr(0, std::string(name).size()), name) << describe(result);
  }
}

TEST(Cheats, MemoryThatNobodyWroteIsSaid) {
  const Problem p = medium();
  const Inputs inputs = generate(p, 0);
  Outputs outputs = scalar_kernel(p, inputs);
  std::ranges::fill(outputs.o, std::byte{0xff});  // as stages/execute.h leaves it
  const CheckResult result = diagnosed(p, inputs, outputs);
  EXPECT_FALSE(result.passed);
  EXPECT_EQ(result.looks_like, "nothing is written");
}

}  // namespace
}  // namespace flash
