#include "bench/machine.h"

#include <sys/utsname.h>

#include <algorithm>
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
  return {cpu_name(),    cores,           std::string(tile::cpu::simd_name),
          compiler_name, ATTENTION_FLAGS, today()};
}

}  // namespace flash
