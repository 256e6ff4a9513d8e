// The pictures one by one; each is in a file of its own.
#pragma once

#include <utility>

#include "model/sm.h"
#include "pictures/picture.h"
#include "tile/counters.h"

namespace flash {

// Bars of the bytes that stages move, all in one scale, and a line below them; returns the height.
struct TrafficPanel {
  std::string title;
  std::vector<std::pair<std::string, tile::Counters>> bars;  // stage
};
double draw_traffic(Svg& svg, const std::vector<TrafficPanel>& panels, const std::string& note);

// The stages under the roofs of a modelled GPU; and those of `results`, a file of run --json, under
// the roofs of the machine that they were measured on, which is called `machine`.
double draw_rooflines(Svg& svg, const std::vector<Stage>& stages, const model::Gpu& gpu,
                      const std::string& machine, const nlohmann::json& results);

Picture traffic_picture(const PictureSources& sources);
Picture online_softmax_picture();
Picture pipeline_picture(const PictureSources& sources);
Picture ring_picture();
Picture memory_hierarchy_picture();
Picture roofline_picture(const PictureSources& sources);
Picture tile_order_picture();
Picture backward_order_picture();
Picture backward_roles_picture(const PictureSources& sources);
Picture block_size_picture();
Picture error_growth_picture(const PictureSources& sources);
Picture warps_picture();
Picture sms_picture();
Picture longest_first_picture();
Picture fp8_formats_picture();
Picture fp8_rotation_picture();

}  // namespace flash
