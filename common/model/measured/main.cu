// Measures the rates and latencies of a GPU's units: `measure FILE.json [GROUP]`.
#include <cstring>
#include <ctime>
#include <fstream>

#include "measure.h"

namespace {

using namespace measured;

std::string machine() {
  cudaDeviceProp gpu;
  require(cudaGetDeviceProperties(&gpu, 0), "cudaGetDeviceProperties");
  int driver = 0, runtime = 0, clock = 0, memory_clock = 0;
  cudaDriverGetVersion(&driver);
  cudaRuntimeGetVersion(&runtime);
  cudaDeviceGetAttribute(&clock, cudaDevAttrClockRate, 0);
  cudaDeviceGetAttribute(&memory_clock, cudaDevAttrMemoryClockRate, 0);
  char date[16];
  const std::time_t now = std::time(nullptr);
  std::strftime(date, sizeof date, "%Y-%m-%d", std::gmtime(&now));
  char text[512];
  std::snprintf(text, sizeof text,
                "{\"gpu\": \"%s\", \"multiprocessors\": %d, \"l2_bytes\": %d, \"clock_khz\": %d, "
                "\"memory_clock_khz\": %d, \"driver_cuda\": %d, \"runtime_cuda\": %d, "
                "\"compiler\": \"nvcc %d.%d -O3 sm_90a\", \"date\": \"%s\"}",
                gpu.name, gpu.multiProcessorCount, gpu.l2CacheSize, clock, memory_clock, driver,
                runtime, __CUDACC_VER_MAJOR__, __CUDACC_VER_MINOR__, date);
  return text;
}

void write(const char* file) {
  std::ofstream json(file);
  json << "{\n  \"machine\": " << machine() << ",\n  \"results\": [\n";
  const char* separator = "";
  for (const Result& r : results()) {
    char line[512];
    std::snprintf(line, sizeof line,
                  "%s    {\"group\": \"%s\", \"name\": \"%s\", \"median\": %.6g, \"unit\": \"%s\", "
                  "\"lowest\": %.6g, \"highest\": %.6g}",
                  separator, r.group.c_str(), r.name.c_str(), r.value, r.unit.c_str(), r.lowest,
                  r.highest);
    json << line;
    separator = ",\n";
  }
  json << "\n  ]\n}\n";
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 2) {
    std::fprintf(stderr, "usage: measure FILE.json [GROUP]\n");
    return 2;
  }
  const struct {
    const char* group;
    void (*measure)();
  } groups[] = {{"tensor", measure_tensor_cores}, {"lanes", measure_lanes},
                {"copies", measure_copies},       {"barriers", measure_barriers},
                {"memory", measure_memory},       {"launches", measure_launches}};
  std::printf("%s\n", machine().c_str());
  for (const auto& [group, measure] : groups) {
    if (count > 2 && std::strcmp(arguments[2], group) != 0) continue;
    measure();
    write(arguments[1]);  // after each, so that a failure loses no other group
  }
}
