// Links inside the repository: each leads to a file that is there, and an anchor to a heading.
#include <algorithm>
#include <fstream>
#include <map>
#include <regex>
#include <sstream>

#include "pages/docs.h"

namespace flash {
namespace {

namespace fs = std::filesystem;

// A page's lines outside of code; code within a line is left out.
struct Prose {
  std::vector<std::pair<int, std::string>> lines;  // with their numbers
};

bool is_fence(const std::string& line) {
  return line.starts_with("```") || line.starts_with("~~~");
}

Prose prose_of(std::istream& page) {
  Prose prose;
  std::string line;
  bool fenced = false, blank_before = true, indented = false;
  for (int number = 1; std::getline(page, line); ++number) {
    const bool blank = line.find_first_not_of(' ') == std::string::npos;
    if (is_fence(line)) fenced = !fenced;
    indented = line.starts_with("    ") && (indented || blank_before);
    if (!fenced && !indented && !is_fence(line) && !blank) prose.lines.emplace_back(number, line);
    blank_before = blank;
    if (blank) indented = false;
  }
  return prose;
}

// Whether GitHub keeps a character of a heading: letters, marks, digits and underscores of any
// script, and the hyphen. Of those beyond ASCII the ranges of punctuation and symbols are listed.
bool is_kept(char32_t c) {
  if (c < 0x80) return std::isalnum(static_cast<int>(c)) || c == '_' || c == '-';
  struct Range {
    char32_t first, last;
  };
  constexpr Range letters[] = {{0x2071, 0x2071}, {0x207f, 0x207f}, {0x2090, 0x209c}};
  constexpr Range symbols[] = {{0x80, 0xa9},     {0xab, 0xb4},     {0xb6, 0xb9},
                               {0xbb, 0xbf},     {0xd7, 0xd7},     {0xf7, 0xf7},
                               {0x2000, 0x20cf}, {0x2190, 0x2bff}, {0x3000, 0x3004},
                               {0x3008, 0x3020}, {0xff00, 0xff0f}, {0xff1a, 0xff20}};
  const auto contains = [c](const Range& range) { return range.first <= c && c <= range.last; };
  return std::ranges::any_of(letters, contains) || std::ranges::none_of(symbols, contains);
}

// The code point at `i`, which moves behind it.
char32_t next(const std::string& text, std::size_t& i) {
  const auto lead = static_cast<unsigned char>(text[i]);
  const int length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  char32_t c = length == 1 ? lead : lead & (0x7fu >> length);
  for (++i; i < text.size() && (text[i] & 0xc0) == 0x80; ++i)
    c = c << 6 | (static_cast<unsigned char>(text[i]) & 0x3fu);
  return c;
}

std::string replaced(const std::string& text, const char* pattern, const char* by) {
  return std::regex_replace(text, std::regex(pattern), by);
}

std::vector<std::string> anchors_of(const fs::path& page) {
  std::ifstream file(page);
  std::vector<std::string> anchors;
  std::map<std::string, int> seen;
  static const std::regex id("<a (?:id|name)=\"([^\"]+)\"");
  for (const auto& [number, line] : prose_of(file).lines) {
    for (std::sregex_iterator i(line.begin(), line.end(), id), end; i != end; ++i)
      anchors.push_back((*i)[1]);
    const std::size_t text = line.find_first_not_of('#');
    if (text == 0 || text > 6 || text == std::string::npos || line[text] != ' ') continue;
    const std::string anchor = heading_anchor(line.substr(text + 1));
    const int before = seen[anchor]++;
    anchors.push_back(before == 0 ? anchor : anchor + "-" + std::to_string(before));
  }
  return anchors;
}

// What is wrong with a link from `page`; empty if nothing.
std::string fault(const fs::path& root, const fs::path& page, const std::string& link) {
  const std::size_t hash = link.find('#');
  const std::string path = link.substr(0, hash);
  fs::path target = path.empty() ? root / page : root / page.parent_path() / path;
  if (!fs::exists(target)) return "leads to no file";
  if (hash == std::string::npos) return "";
  if (fs::is_directory(target)) target /= "README.md";
  if (target.extension() != ".md") return "";  // lines of code
  const std::vector<std::string> anchors = anchors_of(target);
  return std::ranges::find(anchors, link.substr(hash + 1)) == anchors.end()
             ? "leads to no heading or <a id> of that page"
             : "";
}

}  // namespace

std::string heading_anchor(const std::string& heading) {
  const std::string text =
      replaced(replaced(heading, "!?\\[([^\\]]*)\\]\\([^)]*\\)", "$1"), "<[^>]*>|\\s+$", "");
  std::string anchor;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t begin = i;
    const char32_t c = next(text, i);
    if (c == ' ')
      anchor += '-';
    else if (c < 0x80 && is_kept(c))
      anchor += static_cast<char>(std::tolower(static_cast<int>(c)));
    else if (is_kept(c))
      anchor += text.substr(begin, i - begin);
  }
  return anchor;
}

std::vector<std::string> broken_links(const fs::path& root, const std::string& page) {
  std::ifstream file(root / page);
  std::vector<std::string> broken;
  static const std::regex links(R"(\]\(\s*<?([^)\s>]+)[^)]*\)|(?:href|src|srcset)="([^"]+)\")");
  for (const auto& [number, line] : prose_of(file).lines) {
    const std::string text = replaced(line, "`[^`]*`", "``");
    for (std::sregex_iterator i(text.begin(), text.end(), links), end; i != end; ++i) {
      const std::string link = (*i)[1].matched ? (*i)[1] : (*i)[2];
      if (std::regex_search(link, std::regex("^[a-z]+:"))) continue;  // elsewhere
      const std::string wrong = fault(root, page, link);
      if (!wrong.empty())
        broken.push_back(page + ":" + std::to_string(number) + ": " + link + " " + wrong);
    }
  }
  return broken;
}

std::vector<std::string> all_pages(const fs::path& root) {
  std::vector<std::string> pages;
  for (auto i = fs::recursive_directory_iterator(root); i != fs::end(i); ++i) {
    const std::string name = i->path().filename();
    const bool foreign = name.starts_with(".") || name.starts_with("build") || name == "exercise" ||
                         name == "shared";
    if (i->is_directory() && foreign) i.disable_recursion_pending();
    if (i->path().extension() == ".md") pages.push_back(fs::relative(i->path(), root));
  }
  std::ranges::sort(pages);
  return pages;
}

}  // namespace flash
