#include "drawing/svg_text.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>

namespace flash {
namespace {

struct Shades {
  std::string_view name;
  std::string_view tint, strong;            // in the light theme
  std::string_view dark_tint, dark_strong;  // in the dark one
};

constexpr Shades shades[] = {
    {"ink", "#1f2328", "#1f2328", "#e6edf3", "#e6edf3"},
    {"muted", "#59636e", "#59636e", "#9198a1", "#9198a1"},
    {"grid", "#d1d9e0", "#d1d9e0", "#3d444d", "#3d444d"},
    {"paper", "#ffffff", "#ffffff", "#0d1117", "#0d1117"},
    {"blue", "#a5d0ff", "#0969da", "#1d4f8f", "#58a6ff"},
    {"orange", "#ffc680", "#bc4c00", "#8a4b10", "#f0883e"},
    {"green", "#a6e3b4", "#1a7f37", "#1f6b35", "#3fb950"},
    {"purple", "#dcc5ff", "#8250df", "#5b3a9e", "#bc8cff"},
    {"teal", "#9fe3e3", "#0a7a80", "#14606a", "#39c5cf"},
    {"red", "#ffb8b0", "#cf222e", "#8e2a2a", "#ff7b72"},
    {"yellow", "#f4e08a", "#8a6700", "#6e5a10", "#d9b53a"},
    {"grey", "#d3dae1", "#59636e", "#3d444d", "#9198a1"},
};

// A class is a kind, b- (a body's tint), f- (a strong fill) or s- (a stroke), and a paint.
std::string rule(std::string_view class_name, bool dark) {
  const auto& s = *std::ranges::find(shades, class_name.substr(2), &Shades::name);
  const bool tint = class_name[0] == 'b';
  const std::string_view colour =
      dark ? (tint ? s.dark_tint : s.dark_strong) : (tint ? s.tint : s.strong);
  return "." + std::string(class_name) + (class_name[0] == 's' ? "{stroke:" : "{fill:") +
         std::string(colour) + "}";
}

std::string halo(bool dark) {
  const Shades& paper = shades[static_cast<int>(Paint::paper)];
  return ".halo{paint-order:stroke;stroke-width:3px;stroke-linejoin:round;stroke:" +
         std::string(dark ? paper.dark_tint : paper.tint) + "}";
}

std::string rules(const std::set<std::string>& classes, bool dark) {
  std::string text;
  for (const std::string& c : classes) text += (c == "halo" ? halo(dark) : rule(c, dark)) + "\n";
  return text;
}

double relative_width(unsigned char c) {
  if (std::string_view("iljI.,:;'|!").find(static_cast<char>(c)) != std::string_view::npos)
    return 0.32;
  if (std::string_view(" ftr()[]-/").find(static_cast<char>(c)) != std::string_view::npos)
    return 0.4;
  if (std::string_view("mwMWÂ%@").find(static_cast<char>(c)) != std::string_view::npos) return 0.92;
  return c >= 'A' && c <= 'Z' ? 0.7 : 0.6;
}

}  // namespace

std::string_view name(Paint paint) {
  return shades[static_cast<int>(paint)].name;
}

std::string_view name(Pattern pattern) {
  constexpr std::string_view names[] = {"plain", "stripes", "back_stripes", "dots", "crosses"};
  return names[static_cast<int>(pattern)];
}

double text_width(std::string_view text, double size, bool bold) {
  double width = 0;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte & 0xc0) != 0x80) width += relative_width(byte);  // one for each character of UTF-8
  }
  return width * size * (bold ? 1.06 : 1);
}

// The small addition takes ties the same way whatever a compiler makes of a sum of products.
std::string number(double value, int decimals) {
  char text[40];
  std::snprintf(text, sizeof text, "%.*f", decimals, value + (value < 0 ? -1e-7 : 1e-7));
  std::string result = text;
  if (result.find('.') != std::string::npos) {
    result.erase(result.find_last_not_of('0') + 1);
    if (result.back() == '.') result.pop_back();
  }
  return result == "-0" ? "0" : result;
}

std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '&') {
      result += "&amp;";
    } else if (c == '<') {
      result += "&lt;";
    } else if (c == '>') {
      result += "&gt;";
    } else {
      result += c;
    }
  }
  return result;
}

std::string style_sheet(std::set<std::string> classes) {
  classes.insert({"b-paper", "s-grid"});
  return "<style>\ntext{font-family:system-ui,-apple-system,\"Segoe UI\",Helvetica,Arial,"
         "sans-serif}\n" +
         rules(classes, false) + "@media (prefers-color-scheme:dark){\n" + rules(classes, true) +
         "}\n</style>\n";
}

std::string definition(Pattern pattern) {
  const std::string begin = "<pattern id=\"" + std::string(name(pattern)) +
                            "\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\"";
  const auto path = [](std::string_view d) {
    return "<path d=\"" + std::string(d) +
           "\" class=\"s-ink\" stroke-width=\"1\" stroke-opacity=\"0.4\" fill=\"none\"/>";
  };
  switch (pattern) {
    case Pattern::stripes:
      return begin + " patternTransform=\"rotate(45)\">" + path("M0 0V6") + "</pattern>\n";
    case Pattern::back_stripes:
      return begin + " patternTransform=\"rotate(-45)\">" + path("M0 0V6") + "</pattern>\n";
    case Pattern::dots:
      return begin + ">" + path("M2 3h2M2 2.5h2") + "</pattern>\n";
    default:
      return begin + " patternTransform=\"rotate(45)\">" + path("M0 0V6M0 3H6") + "</pattern>\n";
  }
}

}  // namespace flash
