// What the page says about wrong stages, and what else the tests of stages lean on.
#include "testing/suite.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <sstream>
#include <vector>

#include "testing/peak_memory.h"
#include "testing/planted_stages.h"

namespace flash {
namespace {

struct Page {
  int failed;
  std::string text;

  bool contains(const std::string& part) const { return text.find(part) != std::string::npos; }
  auto lines() const { return std::count(text.begin(), text.end(), '\n'); }
};

constexpr int count = 30;  // the scalar kernel takes long for the largest

Page page_of(const Stage& stage) {
  std::vector<ConformanceCase> cases = quick_cases();
  cases.resize(count);
  std::ostringstream out;
  const int failed = examine(stage, cases, out);
  return {failed, out.str()};
}

// Exercises are compiled without it for these cases.
TEST(QuickCases, HaveNoHeadDimThatIsLeftOut) {
  for (const ConformanceCase& test : quick_cases())
    EXPECT_NE(padded_head_dim(test.problem.head_dim), not_quick_head_dim) << test.name;
}

TEST(Suite, SaysNothingOfARightStage) {
  const Page page = page_of(right_stage());
  EXPECT_EQ(page.failed, 0) << page.text;
  EXPECT_EQ(page.text, "");
}

// Catches a summary that names a kind which has nothing to do with it.
TEST(Suite, SaysWhichKindsFailAndLike) {
  const Page page = page_of(missing_mask_stage());
  EXPECT_TRUE(page.contains("always fail  rows that see no key")) << page.text;
  EXPECT_TRUE(page.contains("never fail   no mask ")) << page.text;
  EXPECT_TRUE(page.contains("  looks like   the causal mask is missing; rms distance"))
      << page.text;
  const Page mean = page_of(mean_of_v_stage());
  EXPECT_TRUE(mean.contains("  looks like   the mean of V")) << mean.text;
}

TEST(Suite, SeesAnAnswerThatIsGivenAgain) {
  const Page page = page_of(copied_stage());
  EXPECT_GT(page.failed, count / 2);
  EXPECT_TRUE(page.contains("  looks like   O is the output of the case before")) << page.text;
}

TEST(Suite, SeesWrongCountersAndMisuse) {
  const Page formula = page_of(wrong_formula_stage());
  EXPECT_EQ(formula.failed, count);
  EXPECT_TRUE(formula.contains("always fail  every kind")) << formula.text;
  EXPECT_TRUE(formula.contains("HBM bytes read of Q: counted 2000, the formula says 1999"));
  const Page misuse = page_of(misused_memory_stage());
  EXPECT_EQ(misuse.failed, count);
  EXPECT_TRUE(misuse.contains("mma_AB read tile P, which nothing wrote")) << misuse.text;
}

// Catches a page about outputs that never says what stopped the kernel elsewhere.
TEST(Suite, SaysWhatStopsOtherCases) {
  Stage stage = right_stage();
  const Pass::Run right = stage.passes.front().run;
  stage.passes.front().run = [right](tile::Device& device, const AttentionArgs& args) {
    if (args.causal) throw tile::TileError("store of tile O begins at row 64");
    right(device, args);
    if (args.total_q > 0) std::memset(args.O.data, 0x42, 4);
  };
  const Page page = page_of(stage);
  EXPECT_TRUE(page.contains("  stopped      15 cases, the first by store of tile O")) << page.text;
}

TEST(Suite, FitsAPage) {
  for (const Stage& stage :
       {mean_of_v_stage(), missing_mask_stage(), wrong_formula_stage(), misused_memory_stage()}) {
    const Page page = page_of(stage);
    EXPECT_LE(page.lines(), 34) << page.text;  // six more are the command's
    std::istringstream lines(page.text);
    for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 80u) << line;
  }
}

TEST(Suite, TellsAllWhenVerbose) {
  setenv("ATTENTION_VERBOSE", "1", 1);
  const Page page = page_of(misused_memory_stage());
  unsetenv("ATTENTION_VERBOSE");
  EXPECT_EQ(page.failed, count);
  EXPECT_TRUE(page.contains("  30. ")) << page.text;
}

// Catches a measurement that no memory is too much for.
TEST(PeakMemory, SeesWhatIsWritten) {
  const double growth = peak_growth([] { std::fill_n(std::vector<char>(100 << 20).data(), 9, 1); });
  EXPECT_GT(growth, 100e6);
  EXPECT_LT(peak_growth([] {}), 10e6);
}

}  // namespace
}  // namespace flash
