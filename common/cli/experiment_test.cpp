#include "bench/experiments/experiment.h"

#include <gtest/gtest.h>

#include "testing/planted_stages.h"

namespace flash {
namespace {

void expect_refused(const Arguments& arguments, const std::string& line) {
  const CliResult result = run_on({right_stage()}, arguments);
  EXPECT_EQ(result.status, 2);
  EXPECT_EQ(result.out, "");
  EXPECT_EQ(result.err, "ladder: " + line + "\n");
}

TEST(Experiment, OfUnknownNameIsRefused) {
  const CliResult result = run_on({right_stage()}, {"experiment", "nonsense"});
  EXPECT_EQ(result.status, 2);
  EXPECT_EQ(result.err.find("ladder: experiment: 'nonsense' is not known, expected one of "), 0u);
  EXPECT_NE(result.err.find("pipeline, gpu, gpu_backward"), std::string::npos);
}

TEST(Experiment, HelpNamesThemAll) {
  for (const Arguments& arguments :
       {Arguments{"experiment", "-h"}, Arguments{"experiment", "decode", "--help"}}) {
    const CliResult result = run_on({}, arguments);
    EXPECT_EQ(result.status, 0);
    EXPECT_EQ(result.err, "");
    for (const char* word : {"\n  pipeline ", "\n  gpu ", "\n  fp8_error ", "\n  fp8_accumulator ",
                             "\n  error_growth ", "\n  steps ", "\n  decode ", "--seed", "--json"})
      EXPECT_NE(result.out.find(word), std::string::npos) << word;
  }
}

TEST(Experiment, WithoutTheStagesItNeedsIsRefused) {
  expect_refused({"experiment", "pipeline"},
                 "stage: '03_v2' is not a stage, expected one of 00_right");
  expect_refused({"experiment", "error_growth"},
                 "stage: '02_online_softmax' is not a stage, expected one of 00_right");
}

TEST(Experiment, RefusesWhatIsNoOption) {
  expect_refused(
      {"experiment", "pipeline", "--runs", "3"},
      "'--runs': is not an option of experiment, expected one of ladder experiment --help");
  expect_refused({"experiment", "pipeline", "--seed"}, "--seed: no value, expected one");
  expect_refused({"experiment", "pipeline", "--seed", "-1"},
                 "--seed: '-1', expected a whole number from 0 to 18446744073709551615");
}

// Catches an exploration that compares with nothing.
TEST(Schedules, AResultThatChangesFails) {
  const Arguments arguments = {"run", "--seqlen-q", "8", "--head-dim", "8", "--schedules", "3"};
  const CliResult steady = run_on({right_stage()}, arguments);
  EXPECT_EQ(steady.status, 0) << steady.out;
  EXPECT_NE(steady.out.find("3 schedules of the roles"), std::string::npos);
  const CliResult unsteady = run_on({unsteady_stage()}, arguments);
  EXPECT_EQ(unsteady.status, 1);
  EXPECT_NE(unsteady.out.find("schedule 1: gives other bits than schedule 0"), std::string::npos)
      << unsteady.out;
}

}  // namespace
}  // namespace flash
