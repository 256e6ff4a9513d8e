// 40 and more bad inputs: each one line that names the argument, nothing on standard output, and
// exit status 2. Each case catches a run that crashes, or goes on with something else than was
// meant.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "testing/planted_stages.h"
#include "testing/scratch.h"

namespace flash {
namespace {

namespace fs = std::filesystem;

CliResult expect_refused(const Arguments& arguments, const std::string& named) {
  const CliResult result = run_on({right_stage(), mean_of_v_stage()}, arguments);
  EXPECT_EQ(result.status, 2) << result.out;
  EXPECT_EQ(result.out, "");
  EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
  EXPECT_EQ(result.err.rfind("ladder: ", 0), 0u) << result.err;
  EXPECT_NE(result.err.find(named), std::string::npos) << result.err;
  return result;
}

struct BadArguments {
  Arguments arguments;
  std::string named;  // what the line must contain
};

void PrintTo(const BadArguments& bad, std::ostream* stream) {
  for (const std::string& argument : bad.arguments) *stream << "'" << argument << "' ";
}

class BadArgumentsTest : public testing::TestWithParam<BadArguments> {};

TEST_P(BadArgumentsTest, GiveOneLineAndStatusTwo) {
  const CliResult result = expect_refused(GetParam().arguments, GetParam().named);
  EXPECT_NE(result.err.find("expected"), std::string::npos) << result.err;
}

INSTANTIATE_TEST_SUITE_P(Commands, BadArgumentsTest,
                         testing::ValuesIn<std::vector<BadArguments>>({
                             {{"walk"}, "'walk'"},
                             {{""}, "''"},
                             {{"--verbose"}, "--verbose"},
                             {{"two\nlines"}, "two?lines"},
                             {{"test"}, "./ladder test"},
                             {{"list", "03_v2"}, "03_v2"},
                         }));

INSTANTIATE_TEST_SUITE_P(Backward, BadArgumentsTest,
                         testing::ValuesIn<std::vector<BadArguments>>({
                             {{"run", "--backward"}, "--backward: of none of the stages"},
                             {{"run", "--backward", "--stage", "00"}, "--backward: of 00_right"},
                             {{"run", "--deterministic"}, "--deterministic: without --backward"},
                         }));

INSTANTIATE_TEST_SUITE_P(Numbers, BadArgumentsTest,
                         testing::ValuesIn<std::vector<BadArguments>>({
                             {{"run", "--heads"}, "--heads: no value"},
                             {{"run", "--heads="}, "--heads: ''"},
                             {{"run", "--heads=", "--batch", "1"}, "--heads: ''"},
                             {{"run", "--heads", ""}, "--heads: ''"},
                             {{"run", "--heads", "--causal"}, "--heads: '--causal'"},
                             {{"run", "--heads", "four"}, "--heads: 'four'"},
                             {{"run", "--heads", "1e3"}, "--heads: '1e3'"},
                             {{"run", "--heads", "12abc"}, "--heads: '12abc'"},
                             {{"run", "--heads", " 3"}, "--heads: ' 3'"},
                             {{"run", "--heads", "2.0"}, "--heads: '2.0'"},
                             {{"run", "--heads", "-1"}, "--heads: '-1'"},
                             {{"run", "--heads", "2", "--heads", "4"}, "--heads: given 2 times"},
                             {{"run", "--seqlen-q", "99999999999999999999"}, "--seqlen-q: '999"},
                             {{"run", "--seed", "-1"}, "--seed: '-1'"},
                             {{"run", "--seed", "18446744073709551616"}, "--seed: '184"},
                             {{"run", "--threads", "0"}, "--threads: '0'"},
                             {{"run", "--threads", "1000000"}, "--threads: '1000000'"},
                             {{"run", "--runs", "0"}, "--runs: '0'"},
                         }));

INSTANTIATE_TEST_SUITE_P(
    Problems, BadArgumentsTest,
    testing::ValuesIn<std::vector<BadArguments>>({
        {{"run", "--batch", "0"}, "--batch: 0"},
        {{"run", "--heads", "0"}, "--heads: 0"},
        {{"run", "--heads", "6", "--kv-heads", "4"}, "--kv-heads: 4"},
        {{"run", "--kv-heads", "8"}, "--kv-heads: 8"},
        {{"run", "--head-dim", "0"}, "--head-dim: 0"},
        {{"run", "--head-dim", "257"}, "--head-dim: 257"},
        {{"run", "--seqlen-k", "2147483648"}, "--seqlen-k: '2147483648'"},
        {{"run", "--batch", "1000000", "--heads", "65536", "--seqlen-q", "2147483647"}, "2^40"},
        {{"run", "--seqlen-q", "2147483647", "--seqlen-k", "1", "--head-dim", "100"}, "of memory"},
        {{"run", "--seqlen-q", "2147483647"}, "2^58 scores"},
        {{"run", "--dtype", "f64"}, "--dtype: 'f64'"},
        {{"run", "--dtype", "F32"}, "--dtype: 'F32'"},
        {{"run", "--dtype", ""}, "--dtype: ''"},
    }));

INSTANTIATE_TEST_SUITE_P(
    Options, BadArgumentsTest,
    testing::ValuesIn<std::vector<BadArguments>>({
        {{"run", "--speed", "1"}, "'--speed'"},
        {{"run", "00_right"}, "'00_right'"},
        {{"run", "--causal=maybe"}, "'maybe'"},
        {{"run", "--stage"}, "--stage: no value"},
        {{"run", "--stage", "03_v2"}, "00_right, 01_mean_of_v"},
        {{"run", "--stage", "00_right,01_mean_of_v"}, "'00_right,01_mean_of_v'"},
        {{"run", "--stage", "00_right", "01_mean_of_v"}, "'01_mean_of_v'"},
        {{"run", "--device", "cuda"}, "--device: 'cuda'"},
        {{"run", "--gpu", "b200"}, "--gpu: 'b200'"},
        {{"run", "--output", "o.safetensors"}, "exactly one --stage"},
        {{"run", "--stage", "00_right", "--output", "/nowhere/o"}, "--output: '/nowhere/o'"},
        {{"run", "--stage", "00_right", "--output", "/dev/null"}, "--output: '/dev/null'"},
        {{"run", "--stage", "00_right", "--output", "/tmp/x", "--json", "/tmp/../tmp/x"},
         "is --output, too"},
        {{"run", "--json", "/"}, "--json: '/'"},
        {{"run", "--json", ""}, "--json: ''"},
        {{"run", "--input", ""}, "--input: ''"},
        {{"run", "--input", "/nowhere/x"}, "/nowhere/x"},
        {{"run", "--input", "/"}, "--input: /"},
        {{"run", "--input", "x", "--heads", "2"}, "none of them but --causal"},
        {{"run", "--input", "x", "--dtype", "f32"}, "none of them but --causal"},
        {{"run", "--input", "x", "--seed", "1"}, "none of them but --causal"},
    }));

struct BadFile {
  std::string name, header;
  std::uint64_t header_length;  // as the file claims
  std::size_t data_bytes;
};

void PrintTo(const BadFile& bad, std::ostream* stream) {
  *stream << bad.name;
}

class BadFileTest : public testing::TestWithParam<BadFile> {};

TEST_P(BadFileTest, GivesOneLineAndStatusTwo) {
  const auto& [name, header, header_length, data_bytes] = GetParam();
  const Scratch scratch;
  const fs::path path = scratch.path() / (name + ".safetensors");
  std::ofstream stream(path, std::ios::binary);
  stream.write(reinterpret_cast<const char*>(&header_length), sizeof header_length);
  stream << header << std::string(data_bytes, '\0') << std::flush;
  expect_refused({"run", "--input", path.string()}, path.string());
}

BadFile with_header(const std::string& name, const std::string& header, std::size_t data_bytes) {
  return {name, header, header.size(), data_bytes};
}

std::string tensor(const std::string& name, const std::string& dtype, const std::string& shape,
                   const std::string& offsets) {
  return "\"" + name + R"(":{"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" +
         offsets + "}";
}

std::string qkv(const std::string& dtype, const std::string& v_shape,
                const std::string& v_offsets) {
  return "{" + tensor("q", dtype, "[1,1,1,1]", "[0,4]") + "," +
         tensor("k", dtype, "[1,1,1,1]", "[4,8]") + "," + tensor("v", dtype, v_shape, v_offsets) +
         "}";
}

std::vector<BadFile> bad_files() {
  const std::string one = "[1,1,1,1]";
  const std::string right = qkv("F32", one, "[8,12]");
  return {
      {"header_past_the_end", right, 1000, 12},
      {"header_of_2_to_the_63", right, std::uint64_t{1} << 63, 12},
      with_header("data_cut_short", right, 11),
      with_header("data_left_over", right, 13),
      with_header("no_json", "{\"q\":", 12),
      with_header("overlapping_offsets", qkv("F32", one, "[4,8]"), 8),
      with_header("size_that_overflows", qkv("F32", "[4294967296,4294967296,1,1]", "[8,12]"), 12),
      with_header(
          "duplicate_key",
          "{" + tensor("q", "F32", "[1]", "[0,4]") + "," + tensor("q", "F32", "[1]", "[4,8]") + "}",
          8),
      with_header("v_missing", "{" + tensor("q", "F32", one, "[0,4]") + "}", 4),
      with_header("integers", qkv("I32", one, "[8,12]"), 12),
      with_header("another_shape_of_v", qkv("F32", "[1,1,1]", "[8,12]"), 12),
  };
}

INSTANTIATE_TEST_SUITE_P(Files, BadFileTest, testing::ValuesIn(bad_files()),
                         [](const auto& file) { return file.param.name; });

// A stage that needs more memory than there is.
TEST(BadInput, WorkspaceThatDoesNotFitGivesOneLine) {
  const CliResult result = run_on({right_stage(), gigantic_stage()}, {"run", "--seqlen-q", "3"});
  EXPECT_EQ(result.status, 2);
  EXPECT_EQ(result.out, "");
  EXPECT_NE(result.err.find("of workspace in 04_gigantic"), std::string::npos) << result.err;
}

}  // namespace
}  // namespace flash
