// Which elements of an output are wrong, in words.
#pragma once

#include <string>

#include "diagnosis/wrong_output.h"

namespace flash {

// "only heads other than 0; rows from 128 on; odd columns"; "everywhere" if all of them are.
std::string where_wrong(const WrongOutput& output);

// "never written", "NaN", "0.5 times what they should be", "off by +0.693"; empty if no few words
// say it.
std::string wrong_values(const WrongOutput& output);

}  // namespace flash
