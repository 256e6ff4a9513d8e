#include "cli/cli.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "cli/help.h"
#include "cli/run_options.h"
#include "io/safetensors.h"
#include "testing/planted_stages.h"
#include "testing/scratch.h"
#include "tile/cpu/simd/simd.h"

namespace flash {
namespace {

const Arguments small = {"run", "--heads", "2", "--seqlen-q", "20", "--runs", "2"};

Arguments with(Arguments arguments, const Arguments& more) {
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::size_t widest_line(const std::string& text) {
  std::istringstream lines(text);
  std::size_t widest = 0;
  for (std::string line; std::getline(lines, line);) widest = std::max(widest, line.size());
  return widest;
}

nlohmann::json run_json(const std::vector<Stage>& stages, const Arguments& arguments) {
  const Scratch scratch;
  const std::string file = scratch.file("report.json");
  run_on(stages, with(arguments, {"--json", file}));
  std::ifstream stream(file);
  nlohmann::json json = nlohmann::json::parse(stream);
  return json;
}

TEST(Run, RightStagePasses) {
  const CliResult result = run_on({right_stage()}, small);
  EXPECT_EQ(result.status, 0) << result.out;
  EXPECT_EQ(result.err, "");
  EXPECT_TRUE(contains(result.out, "pass"));
  EXPECT_FALSE(contains(result.out, "FAIL"));
}

// A planted stage that ignores the scores: the run must fail, and say what it looks like.
TEST(Run, WrongOutputsGiveStatusOne) {
  const CliResult result = run_on({right_stage(), mean_of_v_stage()}, small);
  EXPECT_EQ(result.status, 1);
  EXPECT_TRUE(contains(result.out, "FAIL")) << result.out;
  EXPECT_TRUE(contains(result.out, "01_mean_of_v: on a small problem")) << result.out;
  EXPECT_TRUE(contains(result.out, "looks like")) << result.out;
}

// Catches a run that takes one problem, whose whole tiles and full rows tell little, for all.
TEST(Run, AStageThatIsWrongElsewhereGivesStatusOne) {
  const Scratch scratch;
  const std::string file = scratch.file("wrong.safetensors");
  const CliResult result = run_on({missing_mask_stage()}, with(small, {"--output", file}));
  EXPECT_EQ(result.status, 1);
  EXPECT_TRUE(contains(result.out, "01_missing_mask  FAIL      -")) << result.out;
  EXPECT_TRUE(
      contains(result.out,
               "01_missing_mask: on a small problem, 1 sequence, 2 heads, 130 queries x 131 "
               "keys, head_dim 64, f32, causal:\nFAILED: O max error"))
      << result.out;
  EXPECT_TRUE(contains(result.out, "looks like: the causal mask is missing")) << result.out;
  EXPECT_FALSE(std::filesystem::exists(file));
}

TEST(Run, CountersThatDifferFromTheFormulaGiveStatusOne) {
  const CliResult result = run_on({wrong_formula_stage()}, with(small, {"--profile"}));
  EXPECT_EQ(result.status, 1);
  EXPECT_TRUE(contains(result.out, "HBM bytes read of Q: counted 2000, the formula says 1999"))
      << result.out;
  EXPECT_TRUE(contains(result.out, "02_wrong_formula  FAIL      -      -")) << result.out;
}

TEST(Run, MisusedMemoryGivesStatusOneAndOneLine) {
  const CliResult result = run_on({misused_memory_stage(), right_stage()}, small);
  EXPECT_EQ(result.status, 1);
  EXPECT_TRUE(contains(result.out, ":\nattention, block (0, 0, 0): mma_AB read tile P"))
      << result.out;
  EXPECT_TRUE(contains(result.out, "00_right           pass")) << result.out;
}

TEST(Run, WithoutArgumentsReadsTheRealFile) {
  const CliResult result = run_on({right_stage()}, {"run", "--runs", "1"});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_TRUE(contains(result.out, "common/data/minilm_512.safetensors")) << result.out;
  EXPECT_TRUE(contains(result.out, "12 heads, 512 queries x 512 keys, head_dim 32, f32"));
}

TEST(Run, DefaultsFollowTheOptionsThatAreGiven) {
  const auto problem =
      run_json({right_stage()}, {"run", "--heads", "6", "--seqlen-q", "5", "--dtype", "bf16",
                                 "--causal", "--runs", "1"})["problem"];
  EXPECT_EQ(problem["kv_heads"], 6);
  EXPECT_EQ(problem["seqlen_k"], 5);
  EXPECT_EQ(problem["head_dim"], 64);
  EXPECT_EQ(problem["dtype"], "bf16");
  EXPECT_EQ(problem["causal"], true);
}

TEST(Run, StagesAreThoseAskedForInTheirOrder) {
  const auto stages = run_json({right_stage(), mean_of_v_stage(), wrong_formula_stage()},
                               with(small, {"--stage", "02_wrong_formula", "--stage", "00_right"}));
  ASSERT_EQ(stages["stages"].size(), 2u);
  EXPECT_EQ(stages["stages"][0]["stage"], "02_wrong_formula");
  EXPECT_EQ(stages["stages"][1]["stage"], "00_right");
}

// Catches a beginning that stands for the first stage of several.
TEST(Run, AStageIsNamedByAnyUniqueBeginning) {
  const std::vector<Stage> stages = {right_stage(), mean_of_v_stage(), missing_mask_stage()};
  const auto json = run_json(stages, with(small, {"--stage", "00", "--stage=01_me"}));
  EXPECT_EQ(json["stages"][0]["stage"], "00_right");
  EXPECT_EQ(json["stages"][1]["stage"], "01_mean_of_v");
  const CliResult several = run_on(stages, with(small, {"--stage", "01"}));
  EXPECT_EQ(several.status, 2);
  EXPECT_TRUE(contains(several.err, "'01' begins several stages, expected one of 00_right"));
}

TEST(Run, JsonHasTheSchemaThatProgramsReadAndConsistentNumbers) {
  const auto json = run_json({right_stage(), mean_of_v_stage()}, small);
  for (const char* key : {"cpu", "cores", "simd", "fma_peak_gflops", "read_bandwidth_gbs"})
    EXPECT_TRUE(json["machine"].contains(key)) << key;
  const auto& stage = json["stages"][0];
  for (const char* key :
       {"stage", "device", "dtype", "passed", "max_abs_error", "error_bound", "lse_max_abs_error",
        "seconds", "gflops", "fraction_of_peak", "hbm_read_bytes", "hbm_write_bytes",
        "hbm_workspace_bytes", "formula_read_bytes", "formula_write_bytes", "on_chip_peak_bytes",
        "launches"})
    EXPECT_TRUE(stage.contains(key)) << key;
  EXPECT_EQ(stage["passed"], true);
  EXPECT_EQ(json["stages"][1]["passed"], false);
  EXPECT_EQ(stage["seconds"]["runs"], 2);
  EXPECT_LE(stage["seconds"]["min"], stage["seconds"]["median"]);
  EXPECT_EQ(stage["hbm_read_bytes"], 2000);
  EXPECT_EQ(stage["formula_write_bytes"], 3000);
  const double flops = 4.0 * 20 * 20 * 64 * 2, median = stage["seconds"]["median"];
  EXPECT_DOUBLE_EQ(stage["gflops"], flops / median * 1e-9);
  EXPECT_DOUBLE_EQ(stage["fraction_of_peak"], flops / median * 1e-9 / 100);
}

// A stopped stage has no error to report; zero would read as perfect.
TEST(Run, JsonOfAStoppedStageHasNoError) {
  const auto json = run_json({misused_memory_stage()}, small);
  EXPECT_TRUE(json["stages"][0]["max_abs_error"].is_null());
  EXPECT_EQ(json["stages"][0]["seconds"]["runs"], 0);
}

TEST(Run, ProfileAddsUpToTheWhole) {
  const CliResult result = run_on({right_stage()}, with(small, {"--profile"}));
  EXPECT_TRUE(contains(result.out, "Q       read     2,000  =    2,000  40.0%  ########\n"))
      << result.out;
  EXPECT_TRUE(contains(result.out, "O       written  3,000  =    3,000  60.0%  ############\n"));
  EXPECT_TRUE(contains(result.out, "all              5,000  =    5,000   100%\n"));
}

TEST(Run, OutputHoldsOAndLse) {
  const Scratch scratch;
  const std::string file = scratch.file("output.safetensors");
  const CliResult result =
      run_on({right_stage()}, with(small, {"--stage", "00_right", "--output", file}));
  EXPECT_EQ(result.status, 0) << result.err;
  const FileTensors tensors = read_safetensors(file);
  EXPECT_EQ(tensors.at("o").shape, (std::vector<std::int64_t>{1, 20, 2, 64}));
  EXPECT_EQ(tensors.at("lse").shape, (std::vector<std::int64_t>{1, 2, 20}));
}

TEST(Run, FitsThePage) {
  const Arguments arguments = with(small, {"--profile", "--causal", "--checked"});
  for (const int width : {100, 80, 60}) {
    const CliResult result = run_on({right_stage(), mean_of_v_stage()}, arguments, {width, false});
    const std::string table = result.out.substr(0, result.out.find("01_mean_of_v: on a"));
    EXPECT_LE(widest_line(table), static_cast<std::size_t>(width)) << result.out;
    for (const char* column : {"error", "bound", "GFLOP/s", "share", "written", "on chip"})
      EXPECT_TRUE(contains(table, column)) << column << "\n" << table;
  }
}

TEST(Run, ColoursOnlyWhereAsked) {
  EXPECT_FALSE(contains(run_on({right_stage()}, small).out, "\x1b"));
  EXPECT_TRUE(contains(run_on({right_stage()}, small, {100, true}).out, "\x1b[32mpass\x1b[0m"));
}

TEST(Run, ProgressIsGoneInTheEnd) {
  const std::string err = run_on({right_stage()}, small, {}, true).err;
  EXPECT_TRUE(contains(err, "00_right, stage 1 of 1")) << err;
  EXPECT_TRUE(err.ends_with("\r\x1b[K")) << err;
  EXPECT_FALSE(contains(err, "\n")) << err;
}

TEST(Cli, StandardOutputThatCannotBeWrittenGivesOneLine) {
  std::ostream closed(nullptr);
  std::ostringstream err;
  EXPECT_EQ(run_cli({"list"}, {closed, err, {right_stage()}}), 2);
  EXPECT_TRUE(contains(err.str(), "standard output")) << err.str();
}

TEST(Cli, ListHasOneLineForEachStage) {
  const CliResult result = run_on({right_stage(), mean_of_v_stage()}, {"list"}, {80, false});
  EXPECT_EQ(result.out,
            "00_right      the scalar kernel\n"
            "01_mean_of_v  all weights are equal\n\nnext: ./ladder start 00\n");
}

TEST(Cli, HelpFitsEightyColumnsAndNamesEveryOption) {
  EXPECT_LE(widest_line(help_text()), 80u);
  EXPECT_LE(widest_line(run_help_text()), 80u);
  EXPECT_EQ(run_on({}, {"--help"}).out, help_text());
  EXPECT_EQ(run_on({}, {"run", "--help"}).out, run_help_text());
  for (const char* option :
       {"--stage", "--device", "--gpu", "--threads", "--checked", "--profile", "--input",
        "--output", "--batch", "--heads", "--kv-heads", "--seqlen-q", "--seqlen-k", "--head-dim",
        "--dtype", "--causal", "--seed", "--runs", "--json"})
    EXPECT_TRUE(contains(run_help_text(), std::string("  ") + option + " ")) << option;
}

TEST(Cli, VersionNamesTheInstructionSet) {
  const CliResult result = run_on({}, {"--version"});
  EXPECT_EQ(result.status, 0);
  EXPECT_TRUE(contains(result.out, std::string(tile::cpu::simd_name))) << result.out;
}

}  // namespace
}  // namespace flash
