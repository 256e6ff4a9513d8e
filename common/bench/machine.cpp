#include "bench/machine.h"

#include <sys/utsname.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <thread>

#include "tile/cpu/simd/simd.h"

namespace flash {
namespace {

// The text after the colon of the first line that begins with `key`; empty if there is none.
std::string proc_value(const char* file, const std::string& key) {
  std::ifstream lines(file);
  for (std::string line; std::getline(lines, line);) {
    if (line.compare(0, key.size(), key) != 0) continue;
    const std::size_t value = line.find_first_not_of(" \t", line.find(':') + 1);
    return value == std::string::npos ? "" : line.substr(value);
  }
  return "";
}

// Arm kernels do not write a model name.
std::string cpu_name() {
  std::string name = proc_value("/proc/cpuinfo", "model name");
  if (utsname system; name.empty() && uname(&system) == 0) name = system.machine;
  return name;
}

// "48K" or "2M" in bytes.
std::int64_t bytes_of(const std::string& size) {
  const std::int64_t number = std::atoll(size.c_str());
  return number << (size.ends_with('K') ? 10 : size.ends_with('M') ? 20 : 0);
}

// Of the first core; from Linux, and none elsewhere.
CacheSizes cache_sizes() {
  const auto word = [](int cache, const char* file) {
    std::string text;
    std::ifstream("/sys/devices/system/cpu/cpu0/cache/index" + std::to_string(cache) + "/" +
                  file) >>
        text;
    return text;
  };
  CacheSizes sizes;
  for (int cache = 0;; ++cache) {
    const std::string level = word(cache, "level");
    if (level.empty()) return sizes;
    if (word(cache, "type") == "Instruction") continue;
    (level == "1" ? sizes.l1 : level == "2" ? sizes.l2 : sizes.l3) = bytes_of(word(cache, "size"));
  }
}

#if defined(__clang__)
constexpr const char* compiler_name = "Clang " __clang_version__;
#else
constexpr const char* compiler_name = "GCC " __VERSION__;
#endif

std::string today() {
  const std::time_t now = std::time(nullptr);
  char text[16];
  std::strftime(text, sizeof text, "%F", std::gmtime(&now));
  return text;
}

}  // namespace

Machine this_machine() {
  const int cores = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  return {.cpu = cpu_name(),
          .cores = cores,
          .caches = cache_sizes(),
          .simd = std::string(tile::cpu::simd_name),
          .compiler = compiler_name,
          .flags = ATTENTION_FLAGS,
          .date = today()};
}

}  // namespace flash
