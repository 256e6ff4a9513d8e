// The file format: a file that breaks any of its rules gives one line that names the tensor, the
// value and what was expected.
#include "io/safetensors.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <span>

#include "testing/bad_input.h"

namespace flash {
namespace {

std::string with_prefix(std::uint64_t header_size, const std::string& rest) {
  const auto prefix = std::bit_cast<std::array<char, 8>>(header_size);
  return std::string(prefix.begin(), prefix.end()) + rest;
}

std::string file_of(const std::string& header, std::size_t data_size = 0) {
  return with_prefix(header.size(), header + std::string(data_size, '\1'));
}

// One tensor "x" of `fields`, over `data_size` bytes.
std::string tensor_of(const std::string& fields, std::size_t data_size = 4) {
  return file_of("{\"x\":{" + fields + "}}", data_size);
}

std::string shaped(const std::string& shape, const std::string& offsets = "[0,4]") {
  return tensor_of(R"("dtype":"F32","shape":)" + shape + R"(,"data_offsets":)" + offsets);
}

std::string byte_tensor(const std::string& name, int begin, int end) {
  return "\"" + name + R"(":{"dtype":"U8","shape":[)" + std::to_string(end - begin) +
         R"(],"data_offsets":[)" + std::to_string(begin) + "," + std::to_string(end) + "]}";
}

std::string times(int count, const std::string& text) {
  std::string all;
  while (count-- > 0) all += text;
  return all;
}

FileTensors parse(const std::string& bytes) {
  return parse_safetensors(std::as_bytes(std::span(bytes)), "file");
}

bool is_one_line_of_ascii(const std::string& text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
}

struct Hostile {
  const char* defect;
  std::string bytes;
  const char* expected;  // in the message
};

const Hostile hostile_files[] = {
    {"empty", "", "has 0 bytes, expected at least 8"},
    {"cut inside the prefix", "1234567", "has 7 bytes, expected at least 8"},
    {"no header", with_prefix(0, ""), "does not begin with '{'"},
    {"header past the end", with_prefix(3, "{}"), "header of 3 bytes, expected at most 2"},
    {"header of 2^63 bytes", with_prefix(1ull << 63, "{}"), "header of 9223372036854775808 bytes"},
    {"header of 2^64 - 8 bytes", with_prefix(~7ull, "{}"), "header of 18446744073709551608 bytes"},
    {"header that is an array", file_of("[]"), "does not begin with '{'"},
    {"header after a space", file_of(" {}"), "does not begin with '{'"},
    {"not JSON", file_of("{not json}"), "header is wrong at byte 3 of 10, expected valid JSON"},
    {"two values", file_of("{}{}"), "expected valid JSON"},
    {"cut JSON", file_of("{\"x\":{"), "expected valid JSON"},
    {"text behind a zero byte", file_of(std::string("{}\0{}", 5)), "zero byte at 2"},
    {"not UTF-8", file_of("{\"\xff\xfe\":1}"), "expected valid JSON"},
    {"a number beyond double", file_of("{\"x\":1e999}"), "number out of range"},
    {"deep arrays", file_of("{\"x\":" + times(100'000, "[")), "nested deeper than 3 levels"},
    {"deep objects", file_of(times(100'000, "{\"x\":")), "nested deeper than 3 levels"},
    {"a tensor twice",
     file_of("{" + byte_tensor("x", 0, 4) + "," + byte_tensor("x", 0, 4) + "}", 4),
     "tensor \"x\": occurs twice"},
    {"a tensor twice, once escaped",
     file_of("{" + byte_tensor("x", 0, 4) + "," + byte_tensor("\\u0078", 0, 4) + "}", 4),
     "tensor \"x\": occurs twice"},
    {"a field twice", tensor_of(R"("dtype":"U8","shape":[4],"shape":[4],"data_offsets":[0,4])"),
     "tensor \"x\": field \"shape\" occurs twice"},
    {"a tensor that is a number", file_of("{\"x\":1}"), "tensor \"x\": 1, expected {\"dtype\""},
    {"no dtype", tensor_of(R"("shape":[1],"data_offsets":[0,4])"), "\"x\": dtype is missing"},
    {"no shape", tensor_of(R"("dtype":"F32","data_offsets":[0,4])"), "shape is missing"},
    {"no offsets", tensor_of(R"("dtype":"F32","shape":[1])"), "data_offsets is missing"},
    {"a fourth field", tensor_of(R"("dtype":"F32","shape":[1],"data_offsets":[0,4],"x":1)"),
     "has 4 fields"},
    {"dtype unknown", tensor_of(R"("dtype":"F33","shape":[1],"data_offsets":[0,4])"),
     "dtype \"F33\" is not known, expected F32"},
    {"dtype a number", tensor_of(R"("dtype":32,"shape":[1],"data_offsets":[0,4])"), "dtype 32 is"},
    {"shape a number", shaped("1"), "shape is 1, expected integers"},
    {"shape negative", shaped("[-1]"), "shape is [-1], expected integers from 0"},
    {"shape a fraction", shaped("[1.5]"), "shape is [1.5], expected integers"},
    {"shape of text", shaped("[\"1\"]"), "shape is [\"1\"], expected integers"},
    {"extent of 2^63", shaped("[9223372036854775808]"), "shape is [9223372036854775808], expected"},
    {"extent of 2^64", shaped("[18446744073709551616]"), "shape is [1.8446744073709552e+19]"},
    {"product that wraps to 0", shaped("[4294967296,4294967296]", "[0,0]"), "overflows, expected"},
    {"bytes that wrap to 4", shaped("[4611686018427387905]"),
     "overflows, expected fewer than 2^63"},
    {"overflow beside a zero", shaped("[0,4294967296,4294967296]", "[0,0]"), "overflows, expected"},
    {"offsets negative", shaped("[1]", "[-4,0]"), "data_offsets is [-4,0], expected integers"},
    {"offsets of three", shaped("[1]", "[0,4,4]"), "[0, 4, 4], expected [begin, end]"},
    {"offsets reversed", shaped("[1]", "[4,0]"), "data_offsets [4, 0], expected begin <= end"},
    {"offsets past the end", shaped("[2]", "[0,8]"), "[0, 8] end beyond the file, which has 4"},
    {"offsets of 2^63 - 1", shaped("[1]", "[9223372036854775803,9223372036854775807]"), "beyond"},
    {"shape larger than its bytes", shaped("[2]"), "[0, 4], expected 8 bytes for F32 [2]"},
    {"shape smaller than its bytes", shaped("[0]"), "[0, 4], expected 0 bytes for F32 [0]"},
    {"overlap", file_of("{" + byte_tensor("x", 0, 4) + "," + byte_tensor("y", 2, 6) + "}", 6),
     "tensor \"y\": data_offsets [2, 6] overlap another tensor, expected to begin at 4"},
    {"the same bytes twice",
     file_of("{" + byte_tensor("x", 0, 4) + "," + byte_tensor("y", 0, 4) + "}", 4), "overlap"},
    {"hole", file_of("{" + byte_tensor("x", 0, 2) + "," + byte_tensor("y", 4, 6) + "}", 6),
     "tensor \"y\": data_offsets [4, 6] leave a hole, expected to begin at 2"},
    {"hole in front", file_of("{" + byte_tensor("x", 2, 4) + "}", 4), "leave a hole"},
    {"bytes at the end", file_of("{" + byte_tensor("x", 0, 4) + "}", 7), "3 bytes follow the last"},
    {"metadata an array", file_of(R"({"__metadata__":[]})"), "\"__metadata__\": [], expected"},
    {"metadata of numbers", file_of(R"({"__metadata__":{"layer":5}})"), "\"layer\" is 5, expected"},
    {"name with a line feed", file_of("{\"a\\nb\\u001b[2J\\u202e\":1}"),
     R"("a\nb\u001b[2J\u202e")"},
    {"name of 10000 characters", file_of("{\"" + times(10'000, "x") + "\":1}"), "xxx...: 1"},
};

TEST(Safetensors, refuses_every_hostile_file_in_one_short_line) {
  for (const Hostile& hostile : hostile_files) {
    const std::string message = message_of_bad_input([&] { parse(hostile.bytes); });
    EXPECT_NE(message.find(hostile.expected), message.npos) << hostile.defect << ": " << message;
    EXPECT_EQ(message.find("input: file: "), 0u) << hostile.defect << ": " << message;
    EXPECT_TRUE(is_one_line_of_ascii(message)) << hostile.defect << ": " << message;
    EXPECT_LT(message.size(), 300u) << hostile.defect << ": " << message;
  }
}

// Catches a check that forgets the file's length: every shorter file must be refused.
TEST(Safetensors, refuses_a_file_cut_anywhere) {
  const std::string whole =
      file_of("{" + byte_tensor("x", 0, 4) + "," + byte_tensor("y", 4, 9) + "}", 9);
  ASSERT_EQ(parse(whole).size(), 2u);
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_NE(message_of_bad_input([&] { parse(whole.substr(0, size)); }), "accepted") << size;
}

TEST(Safetensors, accepts_what_is_unusual_but_legal) {
  EXPECT_TRUE(parse(file_of("{}")).empty());
  EXPECT_TRUE(parse(file_of("{}      ")).empty());
  EXPECT_TRUE(parse(file_of(R"({"__metadata__":{"a":"b"}})")).empty());
  EXPECT_TRUE(parse(shaped("[]")).at("x").shape.empty());
  const auto empty = file_of(
      R"({"x":{"dtype":"F64","shape":[3,0],"data_offsets":[4,4]},)" + byte_tensor("y", 0, 4) + "}",
      4);
  EXPECT_EQ(parse(empty).at("x").shape, (std::vector<std::int64_t>{3, 0}));
}

}  // namespace
}  // namespace flash
