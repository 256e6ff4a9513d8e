// Steps on the command line: hidden unless they are asked for.
#include <gtest/gtest.h>

#include "bench/experiments/experiment.h"
#include "testing/planted_stages.h"

namespace flash {
namespace {

Stage named(std::string_view name) {
  Stage stage = right_stage();
  stage.name = name;
  return stage;
}

const std::vector<Stage>& some() {
  static const std::vector<Stage> stages = {named("02_first"),  named("03/1_loops"),
                                            named("03/2_exp2"), named("03_second"),
                                            named("04/1_ring"), named("04_third")};
  return stages;
}

// The stages in the table of a run, in its order.
std::vector<std::string> rows(const CliResult& result) {
  std::istringstream lines(result.out);
  std::vector<std::string> names;
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with('0')) names.push_back(line.substr(0, line.find(' ')));
  return names;
}

std::vector<std::string> run(const Arguments& more) {
  Arguments arguments = {"run", "--heads", "2", "--seqlen-q", "20", "--runs", "1"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  const CliResult result = run_on(some(), arguments);
  EXPECT_EQ(result.status, 0) << result.err;
  return rows(result);
}

using Names = std::vector<std::string>;

TEST(Steps, AreRunOnlyIfAskedFor) {
  EXPECT_EQ(run({}), (Names{"02_first", "03_second", "04_third"}));
  EXPECT_EQ(run({"--stage", "03"}), (Names{"03_second"}));
  EXPECT_EQ(run({"--stage", "03/2"}), (Names{"03/2_exp2"}));
  EXPECT_EQ(run({"--stage", "03", "--steps"}), (Names{"03/1_loops", "03/2_exp2", "03_second"}));
  EXPECT_EQ(run({"--steps"}),
            (Names{"02_first", "03/1_loops", "03/2_exp2", "03_second", "04/1_ring", "04_third"}));
}

TEST(Steps, AreNamedInWhatIsRefused) {
  EXPECT_EQ(run_on(some(), {"run", "--stage", "03/3"}).err,
            "ladder: --stage: '03/3' is not a step, expected one of 03/1_loops, 03/2_exp2, "
            "04/1_ring\n");
  EXPECT_EQ(run_on(some(), {"run", "--stage", "03/"}).err,
            "ladder: --stage: '03/' begins several steps, expected one of 03/1_loops, 03/2_exp2, "
            "04/1_ring\n");
  EXPECT_EQ(
      run_on(some(), {"run", "--stage", "05"}).err,
      "ladder: --stage: '05' is not a stage, expected one of 02_first, 03_second, 04_third\n");
  EXPECT_EQ(run_on({named("02_first")}, {"run", "--stage", "02/1"}).err,
            "ladder: --stage: '02/1' is not a step, expected a stage\n");
}

// A step has no kernel for them.
TEST(Steps, RefuseLargeHeadDimensions) {
  const CliResult result = run_on(some(), {"run", "--steps", "--head-dim", "129"});
  EXPECT_EQ(result.status, 2);
  EXPECT_EQ(result.out, "");
  EXPECT_EQ(result.err,
            "ladder: --head-dim: 129, expected at most the 128 that step 03/1_loops is compiled "
            "for\n");
}

TEST(Steps, StandBelowTheirStageInTheList) {
  const CliResult list = run_on(some(), {"list"});
  EXPECT_NE(list.out.find("\n  03/2_exp2"), std::string::npos) << list.out;
  EXPECT_NE(list.out.find("\n03_second"), std::string::npos) << list.out;
}

TEST(Steps, LeadFromTheStageBefore) {
  std::vector<std::string_view> names;
  for (const Stage* step : steps_to(find_stage("03", some()), some())) names.push_back(step->name);
  EXPECT_EQ(names,
            (std::vector<std::string_view>{"02_first", "03/1_loops", "03/2_exp2", "03_second"}));
  EXPECT_TRUE(steps_to(find_stage("02", some()), some()).empty());
}

}  // namespace
}  // namespace flash
