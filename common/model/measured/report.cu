// Repeats, medians and the report.
#include <cstdio>
#include <fstream>

#include "measure.cuh"

namespace measured {
namespace {

__global__ void spin(unsigned long long nanoseconds) {
  const unsigned long long start = global_nanoseconds();
  while (global_nanoseconds() - start < nanoseconds) {
  }
}

std::string quoted(const std::string& text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    result += static_cast<unsigned char>(c) < ' ' ? ' ' : c;
  }
  return result + "\"";
}

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", value);
  return text;
}

}  // namespace

Timing time_in_kernel(const std::function<void(Window*)>& launch, int blocks, int repeats) {
  Buffer<Window> windows(blocks);
  std::vector<double> cycles;
  double all_cycles = 0, all_nanoseconds = 0;
  for (int repeat = -1; repeat < repeats; ++repeat) {
    launch(windows.data());
    finish_kernel();
    if (repeat < 0) continue;
    std::vector<double> of_blocks;
    for (const Window& window : windows.read()) {
      of_blocks.push_back(static_cast<double>(window.cycles));
      all_cycles += static_cast<double>(window.cycles);
      all_nanoseconds += static_cast<double>(window.nanoseconds);
    }
    cycles.push_back(spread(of_blocks).median);
  }
  return {spread(cycles), all_nanoseconds > 0 ? 1e3 * all_cycles / all_nanoseconds : 0};
}

Spread seconds_by_events(const std::function<void()>& launch, int repeats) {
  cudaEvent_t start, stop;
  check(cudaEventCreate(&start));
  check(cudaEventCreate(&stop));
  std::vector<double> seconds;
  for (int repeat = -1; repeat < repeats; ++repeat) {
    check(cudaEventRecord(start));
    launch();
    check(cudaEventRecord(stop));
    finish_kernel();
    float milliseconds = 0;
    check(cudaEventElapsedTime(&milliseconds, start, stop));
    if (repeat >= 0) seconds.push_back(1e-3 * milliseconds);
  }
  check(cudaEventDestroy(start));
  check(cudaEventDestroy(stop));
  return spread(seconds);
}

int multiprocessors() {
  int count = 0;
  check(cudaDeviceGetAttribute(&count, cudaDevAttrMultiProcessorCount, 0));
  return count;
}

void raise_clock() {
  spin<<<multiprocessors(), 128>>>(200'000'000);
  finish_kernel();
}

Figures& Figures::add(const std::string& name, double value) {
  values_.emplace_back(name, value);
  return *this;
}

Figures& Figures::add(const std::string& name, const Spread& values) {
  values_.emplace_back(name, values.median);
  values_.emplace_back(name + "_lowest", values.lowest);
  values_.emplace_back(name + "_highest", values.highest);
  return *this;
}

void Report::test(const std::string& name, const std::function<Figures()>& measure) {
  std::string json, line;
  try {
    const Figures figures = measure();
    for (const auto& [key, value] : figures.values()) {
      json += (json.empty() ? "" : ", ") + quoted(key) + ": " + number(value);
      if (key == wrong_results ? value != 0 : !key.ends_with("est"))
        line += "  " + number(value) + " " + key;
    }
  } catch (const std::exception& error) {
    json = "\"error\": " + quoted(error.what());
    line = std::string("  ERROR ") + error.what();
  }
  std::printf("%-46s%s\n", name.c_str(), line.c_str());
  std::fflush(stdout);
  entries_.emplace_back(name, "{" + json + "}");
  write();
}

void Report::text(const std::string& name, const std::string& value) {
  std::printf("%-46s  %s\n", name.c_str(), value.c_str());
  entries_.emplace_back(name, quoted(value));
  write();
}

void Report::write() const {
  std::ofstream file(path_);
  file << "{";
  for (std::size_t i = 0; i < entries_.size(); ++i)
    file << (i ? ",\n" : "\n") << "    " << quoted(entries_[i].first) << ": " << entries_[i].second;
  file << "\n  }";
}

}  // namespace measured
