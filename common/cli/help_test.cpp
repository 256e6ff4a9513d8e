// What a command says of itself, and how a person reads what it refuses.
#include <gtest/gtest.h>

#include "testing/planted_stages.h"

namespace flash {
namespace {

// Its lines, none of which is wider than a terminal.
int lines_of_80(const std::string& text) {
  std::istringstream lines(text);
  int count = 0;
  for (std::string line; std::getline(lines, line); ++count) EXPECT_LE(line.size(), 80u) << line;
  return count;
}

TEST(Help, IsAnsweredByEveryCommand) {
  for (const char* command :
       {"run", "bench", "list", "experiment", "timeline", "start", "reset", "hint", "predict"})
    for (const char* option : {"--help", "-h"}) {
      const CliResult result = run_on({right_stage()}, {command, option});
      EXPECT_EQ(result.status, 0) << command << ": " << result.err;
      EXPECT_TRUE(result.out.starts_with("usage: ladder " + std::string(command))) << result.out;
      EXPECT_GE(lines_of_80(result.out), 3);
    }
}

TEST(Refusal, IsOneLineForProgramsAndWrappedForPeople) {
  const Arguments unknown = {"a_command_that_is_none"};
  EXPECT_EQ(lines_of_80(run_on({right_stage()}, {"run", "x"}).err), 1);
  const std::string whole = run_on({right_stage()}, unknown).err;
  EXPECT_EQ(whole.find('\n'), whole.size() - 1);
  EXPECT_GT(lines_of_80(run_on({right_stage()}, unknown, {}, true).err), 1);
}

}  // namespace
}  // namespace flash
