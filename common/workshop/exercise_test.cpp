// Exercises made of small texts.
#include "workshop/exercise.h"

#include <gtest/gtest.h>

#include "tile/error.h"

namespace flash {
namespace {

const std::string description =
    "Two regions,\nand no more.\n\n"
    "[1]\nwrite: a sum\nuse: add\nhint: a\nhint: b\nhint: c\n\n"
    "[2]\nlines: 2\nwrite: the end\nuse: store\nhint: d\n";

const std::string kernel =
    "// A kernel.\n// Run it: somehow\n#pragma once\n#include \"attention/kernel.h\"\n"
    "void f() {\n"
    "  // [1] The sum.\n"
    "  for (int i = 0; i < 3; ++i) {\n"
    "    x += i;\n"
    "\n"
    "    y += i;\n"
    "  }\n"
    "  g();\n"
    "  // [2] The end.\n"
    "  // in a comment's words\n"
    "  store(x);\n"
    "  store(y);\n"
    "}\n";

Exercise parsed() {
  return parse_exercise(description);
}

std::string refusal(const auto& function) {
  try {
    function();
  } catch (const tile::BadInput& error) {
    return error.what();
  }
  return "";
}

TEST(Exercise, IsParsed) {
  const Exercise exercise = parsed();
  EXPECT_EQ(exercise.introduction, "Two regions, and no more.");
  ASSERT_EQ(exercise.tasks.size(), 2u);
  EXPECT_EQ(exercise.tasks[0].write, "a sum");
  EXPECT_EQ(exercise.tasks[0].hints, (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(exercise.tasks[1].lines, 2);
}

TEST(Exercise, NamesTheLineThatItDoesNotUnderstand) {
  EXPECT_EQ(refusal([] { parse_exercise("Words\n[2]\n"); }), "exercise.txt: line 2, expected [1]");
  EXPECT_EQ(refusal([] { parse_exercise("Words\n[1]\nhnit: x\n"); }),
            "exercise.txt: line 3, expected lines, write, use or hint, each with a colon");
}

TEST(Exercise, TakesABlockOrTheLinesThatItSays) {
  Exercise exercise = parsed();
  exercise.tasks[1].lines = 3;
  const std::vector<Region> regions = regions_of(kernel, exercise);
  ASSERT_EQ(regions.size(), 2u);
  EXPECT_EQ(regions[0].label(), "[1] The sum");
  EXPECT_EQ(regions[0].begin, 6u);
  EXPECT_EQ(regions[0].end, 11u);
  EXPECT_EQ(regions[0].code_lines, 4);
  EXPECT_EQ(regions[1].code_lines, 2);
}

TEST(Exercise, RefusesHalfAStatementAndMissingRegions) {
  Exercise exercise = parsed();
  exercise.tasks[0].lines = 2;
  EXPECT_EQ(refusal([&] { regions_of(kernel, exercise); }),
            "attention.h: region [1] The sum, expected whole statements");
  exercise = parsed();
  exercise.tasks.emplace_back();
  EXPECT_EQ(refusal([&] { regions_of(kernel, exercise); }),
            "attention.h: 2 regions, expected the 3 of exercise.txt");
  exercise.tasks.resize(1);
  EXPECT_EQ(refusal([&] { regions_of(kernel, exercise); }),
            "attention.h: region [2], expected [2], as exercise.txt has it");
}

TEST(Exercise, BecomesASkeleton) {
  Exercise exercise = parsed();
  exercise.tasks[1].lines = 3;
  const std::string text = skeleton("09", kernel, exercise);
  EXPECT_EQ(text.find("x += i"), std::string::npos) << text;
  EXPECT_EQ(text.find("store(x)"), std::string::npos) << text;
  EXPECT_NE(text.find("  // [1] The sum (4 lines)\n  // Write: a sum.\n  // Use: add.\n"
                      "  todo(\"[1] The sum\");  // your code in place of this line\n  g();\n"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("// Hints: ./ladder hint 09 1\n#pragma once\n"), std::string::npos) << text;
  EXPECT_EQ(unwritten_regions(text), (std::vector<std::string>{"[1] The sum", "[2] The end"}));
  EXPECT_TRUE(unwritten_regions(kernel).empty());
}

}  // namespace
}  // namespace flash
