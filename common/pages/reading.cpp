// How long the chapters and the pages are.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <sstream>

#include "pages/docs.h"

namespace flash {
namespace {

bool is_word(const std::string& word) {
  return std::ranges::any_of(word, [](unsigned char c) { return std::isalnum(c) || c >= 0xc3; });
}

// Without the addresses of links, and without tags.
std::string visible(const std::string& line) {
  std::string text;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const bool address = line.compare(i, 2, "](") == 0;
    const bool tag = line[i] == '<' && i + 1 < line.size() &&
                     (std::isalpha(static_cast<unsigned char>(line[i + 1])) || line[i + 1] == '/' ||
                      line[i + 1] == '!');
    if (address || tag) i = std::min(line.find(address ? ')' : '>', i), line.size());
    text += address || tag ? ' ' : line[i];
  }
  return text;
}

std::string row(const std::string& title, const std::string& link, const Reading& reading) {
  return "| [" + title + "](" + link + ") | " + std::to_string(reading.words) + " | " +
         std::to_string(reading.examples) + " | " + std::to_string(reading.minutes()) + " |\n";
}

std::string title_of(const std::string& page) {
  const std::size_t begin = page.starts_with("# ") ? 2 : 0;
  return page.substr(begin, page.find('\n') - begin);
}

}  // namespace

int Reading::minutes() const {
  return static_cast<int>(std::lround(words / 130.0)) + examples;
}

Reading reading_of(const std::string& page) {
  Reading reading;
  std::istringstream lines(page);
  std::string line;
  bool fenced = false, code = false, generated = false, blank_before = true;
  while (std::getline(lines, line)) {
    const bool blank = line.find_first_not_of(' ') == std::string::npos;
    const bool was_code = code;
    if (line.starts_with("<!-- generated: ")) generated = true;
    if (line.starts_with("<!-- generated: worked")) ++reading.examples;
    if (line.starts_with("```") && !generated) {
      fenced = !fenced;
      if (fenced) ++reading.examples;
    }
    code = line.starts_with("    ") && (was_code || blank_before);
    if (code && !was_code && !fenced && !generated) ++reading.examples;
    if (!fenced && !code && !generated && !line.starts_with("```")) {
      std::istringstream words(visible(line));
      for (std::string word; words >> word;) reading.words += is_word(word) ? 1 : 0;
    }
    if (line == "<!-- end -->") generated = false;
    if (blank && was_code) code = true;  // a blank line within a block
    blank_before = blank;
  }
  return reading;
}

std::string reading_table(const std::string& which, const std::vector<Stage>& stages) {
  std::string table = "| " + std::string(which == "docs" ? "page" : "chapter") +
                      " | words | examples | minutes |\n|---|--:|--:|--:|\n";
  Reading sum;
  std::vector<std::pair<std::string, std::string>> pages;  // in the repository, and from docs/
  if (which == "docs") {
    for (const std::string& name : pages_in_docs())
      if (name != "README.md") pages.emplace_back("docs/" + name, name);
  } else {
    for (const Stage& stage : stages)
      for (const std::string& page : pages_of(stage)) {
        const std::size_t end = page.ends_with("/README.md") ? page.find('/') : page.size();
        pages.emplace_back(page, "../" + page.substr(0, end));
      }
  }
  for (const auto& [path, link] : pages) {
    const std::string page = read_file(path);
    const Reading reading = reading_of(page);
    table += row(title_of(page), link, reading);
    sum.words += reading.words;
    sum.examples += reading.examples;
  }
  return table + "| together | " + std::to_string(sum.words) + " | " +
         std::to_string(sum.examples) + " | " + std::to_string(sum.minutes()) + " |\n" +
         "\n<sub>Words are those of the prose, without code and generated tables. Minutes are "
         "words ÷ 130, and one for each worked example or block of code; exercises are not "
         "counted.</sub>\n";
}

}  // namespace flash
