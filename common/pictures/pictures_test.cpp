#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "pictures/picture.h"
#include "stages/stage.h"

namespace flash {
namespace {

nlohmann::json results(const std::string& name) {
  std::ifstream file(std::string(ATTENTION_DATA_DIR) + "/../../docs/results/" + name + ".json");
  return nlohmann::json::parse(file);
}

const std::vector<Picture>& all() {
  static const std::vector<Picture> pictures = flash::pictures({stages(), results});
  return pictures;
}

const std::string& svg_of(const Picture& picture) {
  static std::map<std::string_view, std::string> drawn;
  std::string& svg = drawn[picture.name];
  if (svg.empty()) svg = picture.svg();
  return svg;
}

// A tag and the text that follows it.
struct Tag {
  std::string name;        // with a / before it if it closes
  std::string attributes;  // with a / behind them if it closes itself
  std::string text;

  std::string attribute(const std::string& wanted) const {
    const std::string before = " " + wanted + "=\"";
    const std::size_t begin = attributes.find(before);
    if (begin == std::string::npos) return "";
    const std::size_t from = begin + before.size();
    return attributes.substr(from, attributes.find('"', from) - from);
  }
  double number(const std::string& wanted) const { return std::stod(attribute(wanted)); }
  bool closes() const { return name.starts_with('/'); }
  bool closes_itself() const { return attributes.ends_with('/'); }
};

std::vector<Tag> tags_of(const std::string& svg) {
  std::vector<Tag> tags;
  for (std::size_t begin = 0; begin < svg.size();) {
    const std::size_t end = svg.find('>', begin), next = std::min(svg.find('<', end), svg.size());
    const std::string tag = svg.substr(begin + 1, end - begin - 1);
    const std::size_t name = std::min(tag.find_first_of(" /", 1), tag.size());
    tags.push_back({tag.substr(0, name), tag.substr(name), svg.substr(end + 1, next - end - 1)});
    begin = next;
  }
  return tags;
}

// Whether each & begins an escape, and nothing else needs one.
bool is_escaped(const std::string& text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::string rest = text.substr(i, 5);
    if (text[i] == '<' || text[i] == '>') return false;
    if (text[i] == '&' && rest != "&amp;" && !rest.starts_with("&lt;") && !rest.starts_with("&gt;"))
      return false;
  }
  return true;
}

class Pictures : public testing::TestWithParam<std::size_t> {
 protected:
  const Picture& picture() const { return all().at(GetParam()); }
  const std::string& svg() const { return svg_of(picture()); }
};

TEST_P(Pictures, AreWellFormed) {
  ASSERT_TRUE(svg().starts_with("<svg "));
  EXPECT_TRUE(svg().ends_with("</svg>\n"));
  std::vector<std::string> open;
  for (const Tag& tag : tags_of(svg())) {
    EXPECT_TRUE(is_escaped(tag.attributes)) << tag.attributes;
    EXPECT_TRUE(is_escaped(tag.text)) << tag.text;
    EXPECT_EQ(std::ranges::count(tag.attributes, '"') % 2, 0) << tag.attributes;
    if (tag.closes()) {
      ASSERT_FALSE(open.empty());
      EXPECT_EQ("/" + open.back(), tag.name);
      open.pop_back();
    } else if (!tag.closes_itself()) {
      open.push_back(tag.name);
    }
  }
  EXPECT_TRUE(open.empty());
}

TEST_P(Pictures, SayWhatTheyShow) {
  EXPECT_FALSE(picture().alt.empty());
  EXPECT_EQ(picture().alt.find_first_of("[]\n\"<"), std::string::npos);  // they end it in a page
  EXPECT_NE(svg().find("role=\"img\""), std::string::npos);
  EXPECT_NE(svg().find("<title id=\"title\">" + std::string(picture().title) + "</title>"),
            std::string::npos);
  EXPECT_NE(svg().find("<desc id=\"desc\">"), std::string::npos);
}

TEST_P(Pictures, HoldTheirText) {
  const std::vector<Tag> tags = tags_of(svg());
  const double height = tags.front().number("height") * Svg::width / 720;
  for (const Tag& tag : tags) {
    if (tag.name != "text") continue;
    const double size = tag.number("font-size"), x = tag.number("x"), y = tag.number("y");
    const double width = text_width(tag.text, size, !tag.attribute("font-weight").empty());
    const std::string anchor = tag.attribute("text-anchor");
    const double begin = x - (anchor == "end" ? width : anchor == "middle" ? width / 2 : 0);
    EXPECT_GE(begin, 2) << tag.text;
    EXPECT_LE(begin + width, Svg::width - 2) << tag.text;
    EXPECT_GE(y - size, 2) << tag.text;
    EXPECT_LE(y + 0.3 * size, height) << tag.text;
    EXPECT_GE(size, 12) << tag.text;
  }
}

// Catches a class that one theme's style sheet lacks.
TEST_P(Pictures, HaveColoursForBothThemes) {
  const std::size_t dark = svg().find("@media (prefers-color-scheme:dark)");
  const std::size_t end = svg().find("</style>");
  ASSERT_LT(dark, end);
  const std::string light_rules = svg().substr(0, dark),
                    dark_rules = svg().substr(dark, end - dark);
  std::set<std::string> used;
  for (const Tag& tag : tags_of(svg())) {
    std::istringstream names(tag.attribute("class"));
    for (std::string name; names >> name;) used.insert(name);
  }
  for (const std::string& name : used) {
    EXPECT_NE(light_rules.find("." + name + "{"), std::string::npos) << name;
    EXPECT_NE(dark_rules.find("." + name + "{"), std::string::npos) << name;
  }
}

TEST_P(Pictures, AreTheSameEachTime) {
  EXPECT_EQ(picture().svg(), svg());
}

INSTANTIATE_TEST_SUITE_P(All, Pictures, testing::Range(std::size_t{0}, all().size()),
                         [](const auto& test) { return std::string(all()[test.param].name); });

TEST(Svg, EscapesText) {
  Svg svg("a < b & c", "d > e");
  const std::string text = svg.str(100);
  EXPECT_NE(text.find("<title id=\"title\">a &lt; b &amp; c</title>"), std::string::npos);
  EXPECT_NE(text.find("<desc id=\"desc\">d &gt; e</desc>"), std::string::npos);
}

}  // namespace
}  // namespace flash
