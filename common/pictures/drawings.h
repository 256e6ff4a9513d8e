// The pictures one by one; each is in a file of its own.
#pragma once

#include "pictures/picture.h"

namespace flash {

Picture traffic_picture(const PictureSources& sources);
Picture online_softmax_picture();
Picture pipeline_picture(const PictureSources& sources);
Picture ring_picture();
Picture memory_hierarchy_picture();
Picture roofline_picture(const PictureSources& sources);
Picture tile_order_picture();
Picture block_size_picture();
Picture error_growth_picture(const PictureSources& sources);
Picture warps_picture();
Picture sms_picture();
Picture fp8_formats_picture();
Picture fp8_rotation_picture();

}  // namespace flash
