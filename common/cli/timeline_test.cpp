// `ladder timeline` on the command line; what it predicts is tested in model/.
#include <gtest/gtest.h>

#include "testing/planted_stages.h"

namespace flash {
namespace {

CliResult timeline(const Arguments& more) {
  Arguments arguments = {"timeline"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return run_on({right_stage()}, arguments, {.width = 80});
}

TEST(Timeline, SaysWhatItTakes) {
  const CliResult help = timeline({"--help"});
  EXPECT_EQ(help.status, 0);
  for (const char* option : {"--gpu", "--without", "--cycles", "--trace", "--head-dim"})
    EXPECT_NE(help.out.find(option), std::string::npos) << option;
}

TEST(Timeline, RefusesBadInputInALine) {
  const std::string right(right_stage().name);
  const std::pair<Arguments, std::string> refused[] = {
      {{"77"}, "'77' is not a stage, expected one of " + right},
      {{right, "--backward"}, "--backward: of " + right + ", expected a stage that has one"},
      {{right, "--gpu", "b200"}, "--gpu: 'b200' is not known, expected a100, h100 or h200"},
      {{right, "--without", "luck"}, "--without: 'luck', expected nothing: " + right},
      {{right, "--twice", "luck"}, "--twice: 'luck', expected tensor, exponentials, fp32"},
      {{right, "--clock", "1"}, "--clock: '1', expected a number from 100"},
      {{right, "--tiles", "small"}, "--tiles: 'small', expected published or own"},
      {{right, "--tiles", "published"}, "--tiles: 'published', expected own"},
      {{right, "--cycles", "0"}, "--cycles: '0', expected a number from 100"},
      {{right, "--dtype", "f32"}, "--dtype: f32, expected bf16 or f16, as tensor cores take"},
      {{right, "--seqlen-q", "0"}, "--seqlen-q: 0, expected at least 1"},
      {{right, "--heads", "3", "--kv-heads", "2"}, "kv"},
  };
  for (const auto& [arguments, message] : refused) {
    const CliResult result = timeline(arguments);
    EXPECT_EQ(result.status, 2) << message;
    EXPECT_NE(result.err.find(message), std::string::npos) << result.err;
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
  }
}

}  // namespace
}  // namespace flash
