// Files on the disk: what is written can be read, a failed write destroys nothing, and a path that
// cannot be used is named.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <fstream>
#include <iterator>
#include <utility>

#include "io/safetensors.h"
#include "testing/bad_input.h"
#include "testing/scratch.h"

namespace flash {
namespace {

namespace fs = std::filesystem;

class SafetensorsFiles : public ::testing::Test {
 protected:
  static Buffer bytes(std::size_t size, int value) { return Buffer(size, std::byte(value)); }
  static std::string contents(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  std::size_t files() const { return std::distance(fs::directory_iterator(folder_), {}); }

  const Scratch scratch_;
  const fs::path& folder_ = scratch_.path();
  const fs::path path_ = folder_ / "x.safetensors";
};

TEST_F(SafetensorsFiles, returns_what_was_written) {
  const FileTensors written = {{"b", {"BF16", {3}, bytes(6, 1)}},
                               {"f", {"F32", {1, 2}, bytes(8, 2)}},
                               {"empty", {"I32", {0, 5}, {}}},
                               {"scalar \"\n", {"U8", {}, bytes(1, 3)}}};
  write_safetensors(path_, written);
  const FileTensors read = read_safetensors(path_);
  ASSERT_EQ(read.size(), written.size());
  for (const auto& [name, tensor] : written) {
    EXPECT_EQ(read.at(name).dtype, tensor.dtype) << name;
    EXPECT_EQ(read.at(name).shape, tensor.shape) << name;
    EXPECT_EQ(read.at(name).bytes, tensor.bytes) << name;
  }
}

// Other readers map the file: the data must begin at a multiple of 8 and no element may straddle.
TEST_F(SafetensorsFiles, aligns_the_data_and_puts_the_largest_elements_first) {
  write_safetensors(path_, {{"a", {"U8", {1}, bytes(1, 1)}}, {"z", {"F32", {1}, bytes(4, 2)}}});
  const std::string text = contents(path_);
  EXPECT_EQ((text.size() - 5) % 8, 0u);
  EXPECT_EQ(text.substr(text.size() - 5), "\2\2\2\2\1");
  EXPECT_EQ(text.substr(8, 54), R"({"a":{"data_offsets":[4,5],"dtype":"U8","shape":[1]},")");
}

TEST_F(SafetensorsFiles, a_failed_write_leaves_the_old_file) {
  write_safetensors(path_, {{"x", {"U8", {1}, bytes(1, 1)}}});
  const std::string old = contents(path_);
  rlimit limit{};
  getrlimit(RLIMIT_FSIZE, &limit);
  const rlimit small{1000, limit.rlim_max};
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  setrlimit(RLIMIT_FSIZE, &small);
  const auto message = message_of_bad_input([&] {
    write_safetensors(path_, {{"x", {"U8", {100'000}, bytes(100'000, 1)}}});
  });
  setrlimit(RLIMIT_FSIZE, &limit);
  std::signal(SIGXFSZ, handler);
  EXPECT_NE(message.find("cannot be written (File too large)"), message.npos) << message;
  EXPECT_EQ(contents(path_), old);
  EXPECT_EQ(files(), 1u);
}

TEST_F(SafetensorsFiles, names_a_path_that_cannot_be_read) {
  const std::pair<fs::path, const char*> cases[] = {
      {folder_ / "none",
       "none: cannot be read (No such file or directory), expected a safetensors"},
      {folder_, "is a directory, expected a safetensors file"},
      {"/dev/zero", "input: /dev/zero: is not a regular file"},
      {"", "input: : cannot be read"},
      {"a\nb", "input: a\\x0ab: cannot be read"},
      {path_, "header of 100000001 bytes, expected at most 100000000 in a file of 200000000"}};
  // 100'000'001, little-endian.
  std::ofstream(path_, std::ios::binary) << std::string("\1\xe1\xf5\5\0\0\0\0{}", 10);
  fs::resize_file(path_, 200'000'000);  // takes no space on the disk
  for (const auto& [path, expected] : cases) {
    const std::string message = message_of_bad_input([&path = path] { read_safetensors(path); });
    EXPECT_NE(message.find(expected), message.npos) << message;
  }
}

TEST_F(SafetensorsFiles, names_a_path_that_cannot_be_written) {
  const std::pair<fs::path, const char*> cases[] = {
      {folder_ / "none" / "x", "x: cannot be written (No such file or directory), expected a file"},
      {folder_, "is a directory, expected a file that can be written"},
      {"/dev/null", "output: /dev/null: is not a regular file"}};
  for (const auto& [path, expected] : cases) {
    const std::string message =
        message_of_bad_input([&path = path] { write_safetensors(path, {}); });
    EXPECT_NE(message.find(expected), message.npos) << message;
  }
  EXPECT_EQ(files(), 0u);
}

}  // namespace
}  // namespace flash
