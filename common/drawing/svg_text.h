// What the text of an SVG file is made of: numbers, escapes, style sheet and patterns.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "drawing/svg.h"

namespace flash {

std::string_view name(Paint paint);
std::string_view name(Pattern pattern);

// With at most so many decimals, and no zeros at the end.
std::string number(double value, int decimals = 1);

// For XML.
std::string escaped(std::string_view text);

// <style> with these classes, in both themes, and those of the paper.
std::string style_sheet(std::set<std::string> classes);

// <pattern>
std::string definition(Pattern pattern);

}  // namespace flash
