// The workshop's commands, in a repository of one small stage.
#include <gtest/gtest.h>

#include <fstream>

#include "testing/planted_stages.h"
#include "testing/scratch.h"

namespace flash {
namespace {

namespace fs = std::filesystem;

class Workshop : public testing::Test {
 protected:
  Workshop() {
    fs::create_directories(root / "03_small");
    std::ofstream(root / "03_small/attention.h")
        << "#pragma once\nvoid f() {\n  // [1] The sum.\n  int x = 1;\n  add(x);\n}\n";
    std::ofstream(root / "03_small/exercise.txt")
        << "One region.\n\n[1]\nwrite: a sum\nuse: add\nhint: think\nhint: formula\nhint: line\n";
  }

  CliResult run(const Arguments& arguments, const std::string& answers = "") const {
    static const std::vector<Stage> stages = [] {
      Stage stage = right_stage();
      stage.name = "03_small";
      return std::vector<Stage>{stage};
    }();
    std::ostringstream out, err;
    std::istringstream in(answers);
    const int status = run_cli(arguments, {.out = out,
                                           .err = err,
                                           .stages = stages,
                                           .terminal = {.width = 80},
                                           .in = &in,
                                           .root = root});
    return {status, out.str(), err.str()};
  }

  std::string text(const std::string& file) const {
    std::ifstream stream(root / "03_small/exercise" / file);
    return {std::istreambuf_iterator<char>(stream), {}};
  }
  void write(const std::string& solution) const {
    std::ofstream(root / "03_small/exercise/attention.h") << solution;
  }

  const Scratch scratch;
  const fs::path& root = scratch.path();
};

TEST_F(Workshop, StartsOnce) {
  const CliResult first = run({"start", "03"});
  EXPECT_EQ(first.status, 0) << first.err;
  EXPECT_NE(first.out.find("written: 03_small/exercise/attention.h\n\nOne region.\n\n"
                           "  [1] The sum, 2 lines\n"),
            std::string::npos)
      << first.out;
  write("my work");
  const CliResult again = run({"start", "03"});
  EXPECT_EQ(again.status, 2);
  EXPECT_EQ(again.err,
            "ladder: start: 03_small/exercise/attention.h exists, expected none: ./ladder check 03 "
            "tests it, ./ladder reset 03 keeps it under another name and begins anew\n");
  EXPECT_EQ(text("attention.h"), "my work");
}

TEST_F(Workshop, ResetKeepsWhatWasThere) {
  run({"start", "03"});
  write("my work");
  EXPECT_EQ(run({"reset", "03"}).status, 0);
  EXPECT_EQ(text("attention.h.1"), "my work");
  EXPECT_NE(text("attention.h").find("todo(\"[1] The sum\")"), std::string::npos);
}

TEST_F(Workshop, GivesOneHintMoreEachTime) {
  EXPECT_EQ(run({"hint", "03", "1"}).out, "[1] The sum\n  1. think\n  (2 more: ask again)\n");
  EXPECT_EQ(run({"hint", "03", "1"}).out,
            "[1] The sum\n  1. think\n  2. formula\n  (1 more: ask again)\n");
  for (int i = 0; i < 2; ++i)
    EXPECT_EQ(run({"hint", "03", "1"}).out, "[1] The sum\n  1. think\n  2. formula\n  3. line\n");
}

TEST_F(Workshop, TakesAPredictionAndComparesItAfterThePass) {
  const CliResult asked = run({"predict", "03"}, "5kB\nproducts\n");
  EXPECT_EQ(asked.status, 0) << asked.err;
  EXPECT_EQ(text("progress"), "predict 5000 products\n");
  EXPECT_EQ(asked.out.find("counted"), std::string::npos) << "told before the stage passes";
  std::ofstream(root / "03_small/exercise/progress", std::ios::app) << "passed\n";
  const CliResult told = run({"predict", "03"});
  EXPECT_NE(told.out.find("you said 0.005 MB, counted are 0.005 MB: right to a tenth"),
            std::string::npos)
      << told.out;
}

TEST_F(Workshop, ListsProgressAndWhatComesNext) {
  EXPECT_NE(run({"list"}).out.find("\nnext: ./ladder start 03\n"), std::string::npos);
  run({"start", "03"});
  EXPECT_NE(run({"list"}).out.find(": 0 of 1 regions written"), std::string::npos);
  EXPECT_NE(run({"list"}).out.find("\nnext: ./ladder check 03\n"), std::string::npos);
  std::ofstream(root / "03_small/exercise/progress", std::ios::app) << "passed\n";
  EXPECT_NE(run({"list"}).out.find(": passed\n"), std::string::npos);
  EXPECT_NE(run({"list"}).out.find("all exercises are solved"), std::string::npos);
}

TEST_F(Workshop, ListsTheRegionsThatHaveHints) {
  EXPECT_NE(run({"hint", "03"}).out.find(": 0 of 3 hints given\n"), std::string::npos);
  run({"hint", "03", "1"});
  EXPECT_NE(run({"hint", "03"}).out.find(": 1 of 3 hints given\n"), std::string::npos);
}

TEST_F(Workshop, RefusesBadInputInALine) {
  const std::pair<Arguments, std::string> refused[] = {
      {{"start"}, "start: no stage, expected one: 03"},
      {{"start", "09"}, "start: '09' is not a stage, expected one of 03_small"},
      {{"start", "03", "4"}, "start: '4' as well, expected a stage alone"},
      {{"reset", "03"},
       "reset: 03_small/exercise/attention.h does not exist, expected your kernel"},
      {{"hint", "03", "7"}, "hint: '7' is not a region, expected 1 to 1"},
      {{"predict", "03", "--bytes", "many"},
       "bytes: 'many', expected a size such as 850MB or 1.2GB"},
      {{"predict", "03", "--bytes", "1MB", "--longest", "luck"},
       "--longest: 'luck', expected memory, products or exponentials"},
      {{"predict", "03"}, "predict: no answer, expected one, or --bytes SIZE --longest WORK"},
  };
  for (const auto& [arguments, message] : refused) {
    const CliResult result = run(arguments);
    EXPECT_EQ(result.status, 2) << message;
    EXPECT_NE(result.err.find(message), std::string::npos) << result.err;
    EXPECT_FALSE(fs::exists(root / "03_small/exercise/progress")) << message;
  }
}

}  // namespace
}  // namespace flash
