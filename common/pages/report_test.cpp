// The page of `ladder report` as a browser and as a program read it.
#include "pages/report.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>
#include <sstream>

#include "report/units.h"
#include "testing/scratch.h"

namespace flash {
namespace {

struct Page {
  int status = -1;
  std::string html, error;
};

Page report(Arguments arguments) {
  const Scratch scratch;
  const std::string file = scratch.file("report.html");
  arguments.insert(arguments.end(), {"--output", file});
  std::ostringstream out, err;
  const Environment environment{
      .out = out, .err = err, .stages = stages(), .measure_peaks = [](int) {
        return Peaks{.fma_gflops = 100, .read_gbs = 10, .l2_gbs = 40};
      }};
  Page page;
  page.status = run_guarded(report_command, arguments, environment);
  page.error = err.str();
  std::ifstream stream(file);
  page.html = {std::istreambuf_iterator<char>(stream), {}};
  return page;
}

// The first tag that is not closed where it should be; empty if all are.
std::string wrong_tag(const std::string& html) {
  const std::set<std::string> alone = {"meta", "br", "input", "!DOCTYPE"};
  std::vector<std::string> open;
  const std::regex tag("<(/?)([!A-Za-z0-9]+)[^>]*?(/?)>");
  for (std::sregex_iterator at(html.begin(), html.end(), tag), end; at != end; ++at) {
    const std::string name = (*at)[2];
    if (alone.contains(name) || (*at)[3] == "/") continue;
    if ((*at)[1] == "") {
      open.push_back(name);
    } else if (open.empty() || open.back() != name) {
      return "</" + name + ">";
    } else {
      open.pop_back();
    }
  }
  return open.empty() ? "" : "<" + open.back() + ">";
}

std::string without_entities(std::string text) {
  for (const auto& [entity, character] :
       {std::pair{"&lt;", "<"}, std::pair{"&gt;", ">"}, std::pair{"&amp;", "&"}})
    for (std::size_t at; (at = text.find(entity)) != std::string::npos;)
      text.replace(at, std::string(entity).size(), character);
  return text;
}

TEST(Report, StandsAloneAndIsWellFormed) {
  const Page page = report({"--stage", "03", "--seqlen-q", "96", "--runs", "1"});
  ASSERT_EQ(page.status, 0) << page.error;
  EXPECT_EQ(wrong_tag(page.html), "");
  // Nothing is loaded; ids are unique, as labels and titles point to them.
  for (const char* loads : {"src=", "<link", "@import", "url(http"})
    EXPECT_EQ(page.html.find(loads), std::string::npos) << loads;
  std::set<std::string> ids;
  const std::regex id(" id=\"(?!(stripes|back_stripes|back-stripes|dots|crosses)\")([^\"]+)\"");
  for (std::sregex_iterator at(page.html.begin(), page.html.end(), id), end; at != end; ++at)
    EXPECT_TRUE(ids.insert((*at)[2]).second) << (*at)[2];
  for (const char* shown :
       {"without producer", "without ping-pong", "without overlap", "L2 to SMs"})
    EXPECT_NE(page.html.find(shown), std::string::npos) << shown;
}

TEST(Report, ItsTableSaysWhatItsJsonSays) {
  const Page page = report({"--stage", "03", "--seqlen-q", "96", "--runs", "1"});
  const std::size_t begin = page.html.find("<pre tabindex=\"0\">") + 18;
  const nlohmann::json json = nlohmann::json::parse(
      without_entities(page.html.substr(begin, page.html.find("</pre>", begin) - begin)));
  const nlohmann::json& stage = json.at("stages").at(0);
  for (const std::string& cell :
       {seconds_text(stage.at("seconds").at("median")), rate_text(stage.at("gflops")),
        bytes_text(stage.at("hbm_read_bytes")), error_text(stage.at("max_abs_error"))})
    EXPECT_NE(page.html.find("<td>" + cell + "</td>"), std::string::npos) << cell;
  const nlohmann::json& machine = json.at("machine");
  EXPECT_NE(
      page.html.find(rate_text(machine.at("read_bandwidth_gbs")) + " GB/s read from memory and " +
                     rate_text(machine.at("l2_read_bandwidth_gbs")) + " from the second"),
      std::string::npos);
  EXPECT_NE(page.html.find("L2 40 GB/s"), std::string::npos);  // among the roofs
}

TEST(Report, BadInputIsOneLine) {
  const Page page = report({"--heads", "none"});
  EXPECT_EQ(page.status, 2);
  EXPECT_EQ(page.error, "ladder: --heads: 'none', expected a whole number from 0 to 2147483647\n");
  EXPECT_EQ(page.html, "");
}

}  // namespace
}  // namespace flash
