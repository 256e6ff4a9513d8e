#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "bench/cases/case.h"
#include "cli/bench_options.h"
#include "io/safetensors.h"
#include "testing/planted_stages.h"
#include "testing/scratch.h"

namespace flash {
namespace {

const Arguments quick = {"bench", "--seqlen-q", "20", "--heads", "2", "--runs", "2"};

Arguments with(Arguments arguments, const Arguments& more) {
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(BenchCommand, MeasuresAProblem) {
  const Scratch scratch;
  const std::string file = scratch.file("results.json");
  const CliResult result =
      run_on({right_stage()}, with(quick, {"--stage", "00", "--threads", "1", "--json", file}));
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_TRUE(contains(result.out, "00_right")) << result.out;
  EXPECT_TRUE(contains(result.out, "100.0 GFLOP/s of fp32 FMA")) << result.out;
  nlohmann::json json;
  std::ifstream(file) >> json;
  const auto& measured = json["cases"][0];
  EXPECT_EQ(measured["passed"], true);
  EXPECT_EQ(measured["seconds"]["runs"], 2);
  const double flops = 4.0 * 20 * 20 * 64 * 2, median = measured["seconds"]["median"];
  EXPECT_DOUBLE_EQ(measured["gflops"], flops / median * 1e-9);
  const double beside = measured["reference"];  // FMA in turns with the case
  EXPECT_GT(beside, 0);
  EXPECT_DOUBLE_EQ(measured["ratio"], flops / median * 1e-9 / beside);
  for (const char* key : {"l1d_bytes", "l2_bytes", "l3_bytes", "compiler", "flags", "date"})
    EXPECT_TRUE(json["machine"].contains(key)) << key;
}

// A wrong kernel must not get a number.
TEST(BenchCommand, AWrongStageHasNoTime) {
  for (const Stage& stage : {mean_of_v_stage(), wrong_formula_stage(), misused_memory_stage()}) {
    const CliResult result =
        run_on({right_stage(), stage},
               with(quick, {"--stage", std::string(stage.name), "--stage", "00", "--bare"}));
    EXPECT_EQ(result.status, 1) << result.out;
    EXPECT_TRUE(contains(result.out, "FAIL")) << result.out;
    EXPECT_TRUE(contains(result.out, "\n00_right")) << result.out;
  }
}

TEST(BenchCommand, SweepsThreads) {
  const CliResult result = run_on(
      {right_stage()}, with(quick, {"--stage", "00", "--sweep", "threads", "--threads", "3"}));
  EXPECT_EQ(result.status, 0) << result.err;
  for (const char* name : {"threads=1 ", "threads=2 ", "threads=3 "})
    EXPECT_TRUE(contains(result.out, name)) << result.out;
}

TEST(BenchCommand, OutputHoldsO) {
  const Scratch scratch;
  const std::string file = scratch.file("o.safetensors");
  const CliResult result =
      run_on({right_stage()}, with(quick, {"--stage", "00", "--bare", "--output", file}));
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(read_safetensors(file).at("o").shape, (std::vector<std::int64_t>{1, 20, 2, 64}));
}

TEST(BenchCommand, HelpFitsEightyColumnsAndNamesEveryGroup) {
  const std::string help = run_on({}, {"bench", "--help"}).out;
  EXPECT_EQ(help, bench_help_text());
  std::istringstream lines(help);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 80u) << line;
  for (const Group& group : goal_groups(1))
    EXPECT_TRUE(contains(help, "\n  " + group.name + " ")) << group.name;
}

TEST(BenchCommand, RefusesWhatItCannotMeasure) {
  const std::pair<Arguments, std::string> bad[] = {
      {{"nonsense"}, "bench: 'nonsense' is not a group, expected one of f32, bf16"},
      {{"f32"}, "--stage: '03' is not a stage, expected one of 00_right"},
      {{"f32", "--heads", "2"}, "bench: 'f32' beside a problem of your own, expected"},
      {{"--stage", "00", "--heads", "0"}, "--heads: 0, expected"},
      {{"--stage", "00", "--seconds", "0"}, "--seconds: '0', expected a number from 0.001 to 3600"},
      {{"--stage", "00", "--seconds", "nan"}, "--seconds: 'nan', expected"},
      {{"--stage", "00", "--runs", "0"}, "--runs: '0', expected"},
      {{"--stage", "00", "--sweep", "dtype"},
       "--sweep: 'dtype', expected one of seqlen, head_dim, batch, threads"},
      {{"--stage", "00", "--cache", "f64"},
       "--cache: 'f64', expected f32, bf16, f16, e4m3 or e5m2"},
      {{"--stage", "00", "--cache", "bf16"}, "--cache: 'bf16' with stage 00_right, expected"},
      {{"--stage", "00", "--backward"}, "--backward: of 00_right, expected a stage that has one"},
      {{"--backward", "--cache", "bf16"}, "--backward: beside --cache, expected one of them"},
      {{"--stage", "00", "--deterministic"}, "--deterministic: without --backward, expected both"},
      {{"--stage", "00", "--page-size", "16"}, "--page-size: '16' without --cache, expected"},
      {{"--stage", "00", "--stage", "00", "--output", "o.safetensors"},
       "--output: 'o.safetensors' of 2 cases, expected exactly one"},
      {{"--stage", "00", "--json", "/nowhere/a.json"}, "--json: '/nowhere/a.json' cannot be"},
      {{"--input", "/nowhere/q.safetensors"}, "--input: /nowhere/q.safetensors: cannot be read"},
      {{"--stage", "00", "--speed", "9"}, "'--speed': is not an option of bench, expected"},
  };
  for (const auto& [arguments, line] : bad) {
    const CliResult result = run_on({right_stage()}, with({"bench"}, arguments));
    EXPECT_EQ(result.status, 2) << line;
    EXPECT_EQ(result.out, "");
    EXPECT_EQ(result.err.rfind("ladder: " + line, 0), 0u) << result.err;
  }
}

}  // namespace
}  // namespace flash
