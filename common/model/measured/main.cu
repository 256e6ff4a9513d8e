// measure OUT.json [SUBJECT]...: measures a GPU, each subject in a process of its own with a time
// limit, so that a kernel that crashes or hangs loses its subject only.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <ctime>
#include <fstream>
#include <iterator>

#include "measure.cuh"

#ifndef MEASURED_FLAGS
#define MEASURED_FLAGS "not recorded"
#endif

namespace measured {
namespace {

constexpr int limit_seconds = 30;

struct Subject {
  std::string name;
  void (*measure)(Report&);
};

const Subject subjects[] = {
    {"machine", measure_machine},         {"wgmma", measure_wgmma},
    {"mma_sync", measure_mma_sync},       {"mma_sync_tile", measure_mma_sync_tile},
    {"arithmetic", measure_arithmetic},   {"contention", measure_contention},
    {"softmax", measure_softmax},         {"copies", measure_copies},
    {"barriers", measure_barriers},       {"memory_latency", measure_latency},
    {"bandwidth", measure_bandwidth},     {"launch", measure_launch},
    {"tensor_load", measure_tensor_load},
};

std::string nvidia_smi(const std::string& fields) {
  const std::string command =
      "nvidia-smi --query-gpu=" + fields + " --format=csv,noheader 2>/dev/null";
  FILE* pipe = popen(command.c_str(), "r");
  if (!pipe) return "";
  char line[256] = "";
  if (!std::fgets(line, sizeof line, pipe)) line[0] = 0;
  pclose(pipe);
  std::string text = line;
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

double attribute(cudaDeviceAttr name) {
  int value = 0;
  check(cudaDeviceGetAttribute(&value, name, 0));
  return value;
}

std::string today() {
  const std::time_t now = std::time(nullptr);
  char text[16];
  std::strftime(text, sizeof text, "%Y-%m-%d", std::gmtime(&now));
  return text;
}

}  // namespace

void measure_machine(Report& report) {
  cudaDeviceProp properties;
  check(cudaGetDeviceProperties(&properties, 0));
  report.text("gpu", properties.name);
  report.text("driver", nvidia_smi("driver_version"));
  report.text("toolkit", std::to_string(__CUDACC_VER_MAJOR__) + "." +
                             std::to_string(__CUDACC_VER_MINOR__) + "." +
                             std::to_string(__CUDACC_VER_BUILD__));
  report.text("compiler_flags", MEASURED_FLAGS);
  report.text("date", today());
  report.text("highest_clocks_sm_memory", nvidia_smi("clocks.max.sm,clocks.max.memory"));
  report.text("power_limit", nvidia_smi("power.limit"));
  report.text("error_correction", nvidia_smi("ecc.mode.current"));
  report.test("properties", [&] {
    Figures figures;
    figures.add("multiprocessors", properties.multiProcessorCount);
    figures.add("clock_attribute_mhz", attribute(cudaDevAttrClockRate) / 1e3);
    figures.add("memory_clock_attribute_mhz", attribute(cudaDevAttrMemoryClockRate) / 1e3);
    figures.add("memory_bus_bits", attribute(cudaDevAttrGlobalMemoryBusWidth));
    figures.add("l2_bytes", properties.l2CacheSize);
    figures.add("memory_gib", static_cast<double>(properties.totalGlobalMem) / (1 << 30));
    figures.add("shared_bytes_per_block", static_cast<double>(properties.sharedMemPerBlockOptin));
    figures.add("shared_bytes_per_sm", static_cast<double>(properties.sharedMemPerMultiprocessor));
    return figures;
  });
}

namespace {

int run_subject(const Subject& subject, const std::string& path) {
  try {
    Report report(path);
    raise_clock();
    subject.measure(report);
    return 0;
  } catch (const std::exception& error) {
    std::printf("%s: ERROR %s\n", subject.name.c_str(), error.what());
    return 1;
  }
}

// How the process of a subject ended; empty if well.
std::string run_in_process(const Subject& subject, const std::string& path) {
  std::fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    const int status = run_subject(subject, path);
    std::fflush(stdout);
    _exit(status);
  }
  int status = 0;
  for (int tenths = 0; tenths < 10 * limit_seconds; ++tenths) {
    if (waitpid(child, &status, WNOHANG) == child) {
      if (WIFSIGNALED(status)) return "killed by signal " + std::to_string(WTERMSIG(status));
      return WEXITSTATUS(status) ? "failed" : "";
    }
    usleep(100'000);
  }
  kill(child, SIGKILL);
  waitpid(child, &status, 0);
  return "stopped after " + std::to_string(limit_seconds) + " s";
}

int measure_all(const std::string& path, const std::vector<std::string>& wanted) {
  std::string json, errors;
  for (const Subject& subject : subjects) {
    if (!wanted.empty() && std::ranges::find(wanted, subject.name) == wanted.end()) continue;
    std::printf("\n== %s\n", subject.name.c_str());
    const std::string part = path + "." + subject.name;
    const std::string end = run_in_process(subject, part);
    if (!end.empty()) {
      std::printf("%s: ERROR %s\n", subject.name.c_str(), end.c_str());
      errors += (errors.empty() ? "\"" : ", \"") + subject.name + ": " + end + "\"";
    }
    std::ifstream file(part);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    if (!text.empty()) json += "  \"" + subject.name + "\": " + text + ",\n";
    std::remove(part.c_str());
    std::ofstream(path) << "{\n" << json << "  \"errors\": [" << errors << "]\n}\n";
  }
  return errors.empty() ? 0 : 1;
}

}  // namespace
}  // namespace measured

int main(int argc, char** argv) {
  if (argc < 2) {
    std::printf("usage: measure OUT.json [SUBJECT]...\n");
    return 2;
  }
  return measured::measure_all(argv[1], {argv + 2, argv + argc});
}
