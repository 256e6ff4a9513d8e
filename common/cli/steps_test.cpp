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

// With a backward pass, which writes nothing.
Stage with_backward(Stage stage) {
  stage.passes.push_back({Pass::Kind::backward, [](tile::Device&, const AttentionArgs&) {},
                          stage.passes.front().cost});
  stage.any_order = stage.is_step();
  return stage;
}

const std::vector<Stage>& some() {
  static const std::vector<Stage> stages = {
      named("02_first"),
      named("03/1_loops"),
      named("03/2_exp2"),
      with_backward(named("03/backward/1_sums")),
      with_backward(named("03_second")),
      named("04/1_ring"),
      named("04_third"),
  };
  return stages;
}

// The stages in the table of a run, in its order.
std::vector<std::string> rows(const CliResult& result) {
  std::istringstream lines(result.out);
  std::vector<std::string> names;
  for (std::string line; std::getline(lines, line);) {
    const std::string name = line.substr(0, line.find(' '));
    if (name.starts_with('0') && !name.ends_with(':')) names.push_back(name);  // not of a failure
  }
  return names;
}

std::vector<std::string> run(const Arguments& more, int status = 0) {
  Arguments arguments = {"run", "--heads", "2", "--seqlen-q", "20", "--runs", "1"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  const CliResult result = run_on(some(), arguments);
  EXPECT_EQ(result.status, status) << result.err;
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

TEST(Steps, OfABackwardPassAreRunWithIt) {
  EXPECT_EQ(run({"--backward"}, 1), (Names{"03_second"}));
  EXPECT_EQ(run({"--backward", "--steps"}, 1), (Names{"03/backward/1_sums", "03_second"}));
  EXPECT_EQ(run({"--stage", "03/backward/1"}, 1), (Names{"03/backward/1_sums"}));
  EXPECT_EQ(run_on(some(), {"run", "--stage", "03/1", "--backward"}).err,
            "ladder: --backward: of 03/1_loops, expected a stage that has a backward pass\n");
  EXPECT_EQ(run_on(some(), {"run", "--stage", "03/backward/1", "--deterministic"}).err,
            "ladder: --deterministic: of 03/backward/1_sums, expected a backward pass that adds up "
            "dQ in order\n");
}

TEST(Steps, AreNamedInWhatIsRefused) {
  EXPECT_EQ(run_on(some(), {"run", "--stage", "03/3"}).err,
            "ladder: --stage: '03/3' is not a step, expected one of 03/1_loops, 03/2_exp2, "
            "03/backward/1_sums, 04/1_ring\n");
  EXPECT_EQ(run_on(some(), {"run", "--stage", "03/"}).err,
            "ladder: --stage: '03/' begins several steps, expected one of 03/1_loops, 03/2_exp2, "
            "03/backward/1_sums, 04/1_ring\n");
  EXPECT_EQ(
      run_on(some(), {"run", "--stage", "05"}).err,
      "ladder: --stage: '05' is not a stage, expected one of 02_first, 03_second, 04_third\n");
  EXPECT_EQ(run_on({named("02_first")}, {"run", "--stage", "02/1"}).err,
            "ladder: --stage: '02/1' is not a step, expected a stage\n");
}

TEST(Steps, AreNoExercises) {
  const CliResult result = run_on(some(), {"start", "03/backward/1"});
  EXPECT_EQ(result.status, 2);
  EXPECT_EQ(result.err, "ladder: start: 03/backward/1_sums is a step, expected a stage\n");
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
  EXPECT_EQ(steps_to(find_stage("03", some()), some(), Pass::Kind::backward).front()->name,
            "03/backward/1_sums");  // 02 has no backward pass
}

}  // namespace
}  // namespace flash
