#include "model/trace.h"

#include <nlohmann/json.hpp>

namespace flash::model {
namespace {

using json = nlohmann::ordered_json;

constexpr int roles_process = 1, units_process = 2;

json name_event(const char* what, int process, int thread, const std::string& name) {
  return {
      {"ph", "M"}, {"name", what}, {"pid", process}, {"tid", thread}, {"args", {{"name", name}}}};
}

}  // namespace

json trace_of(const Gpu& gpu, const Timeline& timeline, const std::vector<std::string>& roles) {
  json events = json::array();
  events.push_back(name_event("process_name", roles_process, 0, "roles"));
  events.push_back(name_event("process_name", units_process, 0, "units of the SM"));
  for (int lane = 0; lane < lanes; ++lane)
    events.push_back(name_event("thread_name", units_process, lane, std::string(lane_names[lane])));
  const auto count = static_cast<int>(roles.size());
  for (std::size_t block = 0; block < timeline.block_ends.size(); ++block)
    for (int r = 0; r < count; ++r)
      events.push_back(name_event("thread_name", roles_process, static_cast<int>(block) * count + r,
                                  "block " + std::to_string(block) + " " + roles[r]));
  const double microsecond = gpu.clock_hz * 1e-6;  // in cycles
  for (const Interval& i : timeline.intervals) {
    const bool waits = i.lane < 0, issued_only = i.lane == static_cast<int>(Lane::tensor) ||
                                                 i.lane == static_cast<int>(Lane::copy);
    json event = {{"ph", "X"},
                  {"name", waits ? "waits for " + i.label : i.label},
                  {"cat", waits ? "wait" : std::string(lane_names[i.lane])},
                  {"ts", i.begin / microsecond},
                  {"dur", (i.end - i.begin) / microsecond},
                  {"pid", roles_process},
                  {"tid", i.block * count + i.role}};
    if (!issued_only) events.push_back(event);  // those go on without the role
    if (waits) continue;
    event["pid"] = units_process;
    event["tid"] = i.lane;
    events.push_back(event);
  }
  return {{"displayTimeUnit", "ns"}, {"traceEvents", events}};
}

}  // namespace flash::model
