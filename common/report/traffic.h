// Where in a kernel a wrong count of bytes probably comes from.
#pragma once

#include <string>

#include "tile/counters.h"

namespace flash {

// "K is read 4 times as often as it should be: ..." of the tensor that differs most, in proportion;
// empty if the counts are equal, or almost.
std::string traffic_hint(const tile::Counters& counted, const tile::Counters& formula);

}  // namespace flash
