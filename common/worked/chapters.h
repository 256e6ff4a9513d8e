// The worked examples of the chapters.
#pragma once

#include <string>

namespace flash {

std::string three_tiles();  // 02

}  // namespace flash
