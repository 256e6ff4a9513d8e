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

}  // namespace flash
