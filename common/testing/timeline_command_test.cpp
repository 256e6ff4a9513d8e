// `ladder timeline` on a real kernel.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "stages/stage.h"
#include "testing/planted_stages.h"
#include "testing/scratch.h"

namespace flash {
namespace {

double seconds(const Arguments& more, const char* queries = "512") {
  const Scratch scratch;
  const std::string file = scratch.file("timeline.json");
  Arguments arguments = {"timeline", "03", "--seqlen-q", queries, "--json", file};
  arguments.insert(arguments.end(), more.begin(), more.end());
  const CliResult result = run_on(stages(), arguments, {.width = 80});
  EXPECT_EQ(result.status, 0) << result.err;
  std::ifstream stream(file);
  return nlohmann::json::parse(stream).at("seconds").get<double>();
}

TEST(TimelineCommand, FollowsItsKnobs) {
  const double usual = seconds({});
  EXPECT_GT(usual, 0);
  EXPECT_LT(seconds({"--clock", "3000"}), usual);
  EXPECT_GT(seconds({"--clock", "800"}), usual);
  for (const char* unit : {"tensor", "exponentials", "fp32", "waits"})
    EXPECT_LT(seconds({"--twice", unit}), usual) << unit;
  // One query a head: a block reads all keys for it.
  const Arguments many = {"--seqlen-k", "4096", "--heads", "128"};
  const auto with = [](Arguments problem, const char* unit) {
    problem.insert(problem.end(), {"--twice", unit});
    return problem;
  };
  for (const char* unit : {"copies", "hbm"})
    EXPECT_LT(seconds(with(many, unit), "1"), seconds(many, "1")) << unit;
}

TEST(TimelineCommand, DrawsItsRowsAndUnits) {
  const Scratch scratch;
  const std::string file = scratch.file("timeline.svg");
  const Arguments arguments = {"timeline", "03", "--seqlen-q", "512", "--svg", file};
  ASSERT_EQ(run_on(stages(), arguments, {.width = 80}).status, 0);
  std::ifstream stream(file);
  const std::string svg{std::istreambuf_iterator<char>(stream), {}};
  EXPECT_TRUE(svg.starts_with("<svg "));
  EXPECT_TRUE(svg.ends_with("</svg>\n"));
  for (const char* text : {">block<", ">tensor cores<", ">exponentials<", ">copies<"})
    EXPECT_NE(svg.find(text), std::string::npos) << text;
  EXPECT_GT(std::count(svg.begin(), svg.end(), '\n'), 100);
}

}  // namespace
}  // namespace flash
