// `ladder bench`: measures cases in turns, beside the machine's peaks.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "bench/cases/bench_report.h"
#include "bench/machine.h"
#include "cli/bench_options.h"
#include "cli/long_work.h"
#include "cli/options.h"
#include "io/attention_file.h"

namespace flash {
namespace {

// At all numbers of threads that the group has.
void measure_peaks(const Group& group, const Environment& environment, BenchReport& report) {
  std::set<int> threads;
  for (const Case& c : group.cases) threads.insert(c.threads);
  for (const int count : threads)
    report.add_peaks(count, environment.measure_peaks(std::min(count, report.machine.cores)));
}

int bench(const Arguments& arguments, const Environment& environment) {
  if (asks_for_help(arguments)) return environment.out << bench_help_text(), 0;
  const BenchRequest request = parse_bench_request(arguments, environment.stages);
  BenchReport report{.machine = this_machine(), .threads = request.threads};
  Progress progress(environment);
  for (const Group& group : request.groups) {
    progress.show(group.name + ", group " + std::to_string(report.groups.size() + 1) + " of " +
                  std::to_string(request.groups.size()));
    if (!request.how.bare) measure_peaks(group, environment, report);
    GroupResult result = measure_cases(group, request.how, environment.stages);
    progress.show("");
    if (report.groups.empty()) environment.out << header_text(report, environment.terminal);
    environment.out << group_text(report, result, environment.terminal) << std::flush;
    if (!request.output.empty() && !result.results[0].outputs.o.empty())
      write_outputs(request.output, group.cases[0].problem, std::move(result.results[0].outputs));
    for (CaseResult& r : result.results) r.outputs = {};
    report.groups.push_back(std::move(result));
  }
  environment.out << legend_text(environment.terminal);
  if (!request.json.empty()) write_json("--json", request.json, to_json(report));
  return passed(report) ? 0 : 1;
}

}  // namespace

int bench_command(const Arguments& arguments, const Environment& environment) {
  try {
    return bench(arguments, environment);
  } catch (const BadInput& error) {
    throw in_bench_options(error);
  }
}

}  // namespace flash
