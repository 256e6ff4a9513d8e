// The contract of the exercises: every skeleton compiles; an unwritten region fails with its title;
// solving adds lines to the regions, and nothing else; each has three hints.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>

#include "testing/suite.h"
#include "workshop/exercise.h"

namespace flash {
namespace {

const std::string all_stages[] = {"00_naive",     "01_v1_tiling", "02_online_softmax", "03_v2",
                                  "04_v3_hopper", "05_fp8",       "06_flash_decoding"};

struct Files {
  std::string kernel;
  Exercise exercise;
  std::vector<Region> regions;
};

std::string read(const std::string& path) {
  std::ifstream file(ATTENTION_ROOT "/" + path);
  std::ostringstream text;
  text << file.rdbuf();
  EXPECT_TRUE(file) << path;
  return text.str();
}

Files files_of(const std::string& stage) {
  Files files{read(stage + "/attention.h"), parse_exercise(read(stage + "/exercise.txt")), {}};
  files.regions = regions_of(files.kernel, files.exercise);
  return files;
}

std::vector<ConformanceCase> compiled_cases() {
  std::vector<ConformanceCase> cases = quick_cases();
  std::erase_if(cases, [](const ConformanceCase& test) {
    return padded_head_dim(test.problem.head_dim) != ATTENTION_HEAD_DIM;
  });
  return cases;
}

class Exercises : public testing::TestWithParam<std::string> {};

TEST_P(Exercises, HaveTwoToFourRegionsOfAtMostFifteenLines) {
  const Files files = files_of(GetParam());
  EXPECT_GE(files.regions.size(), 2u);
  EXPECT_LE(files.regions.size(), 4u);
  for (const Region& region : files.regions) {
    EXPECT_GE(region.code_lines, 3) << region.label();
    EXPECT_LE(region.code_lines, 15) << region.label();
  }
  EXPECT_FALSE(files.exercise.introduction.empty());
}

TEST_P(Exercises, SayWhatToWriteAndGiveThreeHints) {
  const Files files = files_of(GetParam());
  for (const Region& region : files.regions) {
    const Task& task = files.exercise.tasks[region.number - 1];
    EXPECT_FALSE(task.write.empty() || task.use.empty()) << region.label();
    EXPECT_EQ(std::set<std::string>(task.hints.begin(), task.hints.end()).size(), 3u)
        << region.label();
  }
}

TEST_P(Exercises, FitTheScreen) {
  const auto columns = [](const std::string& line) {  // of UTF-8
    return std::ranges::count_if(line, [](char c) { return (c & 0xc0) != 0x80; });
  };
  const Files files = files_of(GetParam());
  for (const std::string& line : lines_of(skeleton(GetParam(), files.kernel, files.exercise)))
    EXPECT_LE(columns(line), 100) << line;
}

// Only what a skeleton says in a region differs from the solution: lines that a diff calls removed
// are in its blanks.
TEST_P(Exercises, AreSolvedByLinesInTheirRegions) {
  const Files files = files_of(GetParam());
  const std::vector<std::string> kernel = lines_of(files.kernel);
  const std::vector<std::string> blanks =
      lines_of(skeleton(GetParam(), files.kernel, files.exercise));
  std::size_t at = 2;  // behind the exercise's own heading
  std::size_t next_region = 0;
  for (std::size_t i = 0; i < kernel.size(); ++i) {
    if (next_region < files.regions.size() && i == files.regions[next_region].title_line) {
      while (blanks[at].find("todo(\"") == std::string::npos)
        ASSERT_NE(blanks[at++].find("//"), std::string::npos) << "a line of code in a blank";
      ++at;
      i = files.regions[next_region++].end - 1;
      continue;
    }
    if (blanks[at] == "#include \"tile/todo.h\"") ++at;
    if (!kernel[i].starts_with("// Run it: ")) {
      EXPECT_EQ(blanks[at], kernel[i]);
    }
    ++at;
  }
  EXPECT_EQ(at, blanks.size());
  EXPECT_EQ(next_region, files.regions.size());
}

TEST_P(Exercises, FailWithTheTitleOfWhatIsUnwritten) {
  const Files files = files_of(GetParam());
  const std::vector<ConformanceCase> cases = compiled_cases();
  ASSERT_FALSE(cases.empty());
  const auto page_of = [&](const std::string& variant) {
    std::ostringstream out;
    EXPECT_EQ(examine(find_stage(GetParam() + "_" + variant), cases, out), 1) << variant;
    return out.str();
  };
  std::set<std::string> pages;
  for (const Region& region : files.regions) {
    const std::string page = "  " + region.label() + " is not written yet\n";
    EXPECT_EQ(page_of(std::to_string(region.number)), page);
    pages.insert(page);
  }
  EXPECT_TRUE(pages.contains(page_of("all")));
}

INSTANTIATE_TEST_SUITE_P(Stages, Exercises, testing::ValuesIn(all_stages),
                         [](const auto& test) { return test.param; });

// Catches a contract that checks no exercise.
TEST(Exercises, AreThereForEveryStage) {
  int count = 0;
  for (const std::string& stage : all_stages)
    count += 1 + static_cast<int>(files_of(stage).regions.size());
  EXPECT_EQ(static_cast<int>(stages().size()), count);
}

}  // namespace
}  // namespace flash
