#include "pictures/drawings.h"

namespace flash {

std::string Picture::svg() const {
  Svg drawing(title, alt);
  const double height = draw(drawing);
  return drawing.str(height);
}

std::vector<Picture> pictures(const PictureSources& sources) {
  return {
      traffic_picture(sources),
      online_softmax_picture(),
      pipeline_picture(sources),
      ring_picture(),
      memory_hierarchy_picture(),
      roofline_picture(sources),
      tile_order_picture(),
      backward_order_picture(),
      backward_roles_picture(sources),
      block_size_picture(),
      error_growth_picture(sources),
      warps_picture(),
      sms_picture(),
      longest_first_picture(),
      fp8_formats_picture(),
      fp8_rotation_picture(),
  };
}

}  // namespace flash
