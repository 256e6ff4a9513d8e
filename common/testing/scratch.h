// Files of a test's own: tests run beside one another, and in two build folders at once.
#pragma once

#include <filesystem>
#include <random>
#include <string>
#include <system_error>

namespace flash {

// A folder that nothing else uses, for as long as this lives.
class Scratch {
 public:
  Scratch() { std::filesystem::create_directories(path_); }
  ~Scratch() {
    std::error_code ignored;  // a test has failed or not before
    std::filesystem::remove_all(path_, ignored);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::string file(const std::string& name) const { return (path_ / name).string(); }

 private:
  const std::filesystem::path path_ = std::filesystem::temp_directory_path() /
                                      ("ladder_test_" + std::to_string(std::random_device{}()));
};

}  // namespace flash
