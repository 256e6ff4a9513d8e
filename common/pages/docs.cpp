#include "pages/docs.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "cli/options.h"
#include "pictures/picture.h"
#include "worked/worked.h"

namespace flash {
namespace {

using nlohmann::json;

const std::filesystem::path root = repository_root();

std::string worked_example(const std::string& name) {
  const auto example = std::ranges::find(worked_examples(), name, &WorkedExample::name);
  if (example == worked_examples().end())
    throw BadInput("docs: '" + name + "' is not in common/worked/worked.cpp");
  return example->text();
}

// Where a picture's file is, from the repository's root.
std::string path_of(const Picture& picture) {
  return "docs/pictures/" + std::string(picture.name) + ".svg";
}

// The picture in a page, which says where it lies from the page's folder.
std::string picture_in(const Page& page, const std::string& name,
                       const std::vector<Stage>& stages) {
  const std::vector<Picture> all = pictures({stages, read_results});
  const auto picture = std::ranges::find(all, name, &Picture::name);
  if (picture == all.end())
    throw BadInput("docs: '" + name + "' is not in common/pictures/pictures.cpp");
  const std::filesystem::path folder = std::filesystem::path(page.path).parent_path();
  const std::filesystem::path path = path_of(*picture);
  return "![" + picture->alt + "](" +
         (folder.empty() ? path : path.lexically_relative(folder)).generic_string() + ")\n";
}

// What can stand between the marks: KIND NAME.
std::string generated(const Page& page, const std::string& kind, const std::string& name,
                      const std::vector<Stage>& stages, const json& results) {
  if (kind == "ladder") return ladder_table(stages, results);
  if (kind == "cost") return cost_table(find_stage(name, stages), results);
  if (kind == "backward") return backward_table(find_stage(name, stages));
  if (kind == "steps") return steps_table(find_stage(name, stages), stages);
  if (kind == "backward_steps") return backward_steps_table(find_stage(name, stages), stages);
  if (kind == "experiment") return experiment_table(name);
  if (kind == "run") return run_table();
  if (kind == "bench") return bench_table(name);
  if (kind == "peers") return peers_table(name);
  if (kind == "worked") return worked_example(name);
  if (kind == "hardware") return hardware_table();
  if (kind == "instructions") return instructions_table();
  if (kind == "gpu_peers") return gpu_peers_table(name);
  if (kind == "machine") return machine_table(results);
  if (kind == "reading") return reading_table(name, stages);
  if (kind == "code") return quoted_code(name);
  if (kind == "model") return model_table(name, stages);
  if (kind == "decoding") return decoding_table(name, stages);
  if (kind == "mistakes") return mistakes_table(name);
  if (kind == "picture") return picture_in(page, name, stages);
  throw BadInput("docs: '" + kind + "' is not generated, expected ladder, cost, backward, " +
                 "steps, backward_steps, experiment, run, bench, peers, worked, hardware, "
                 "instructions, gpu_peers, "
                 "machine, reading, code, " +
                 "model, decoding, mistakes or picture");
}

// README.md, those of the stages, which may have a backward.md beside it, and of docs/, and the
// rows of docs/results/decode.md.
std::vector<std::string> pages_of(const std::vector<Stage>& stages) {
  std::vector<std::string> pages = {"README.md", "docs/results/decode.md"};
  for (const Stage& stage : stages)
    for (const std::string& page : pages_of(stage)) pages.push_back(page);
  for (const std::string& name : pages_in_docs()) pages.push_back("docs/" + name);
  std::ranges::sort(pages);
  return pages;
}

}  // namespace

std::string read_file(const std::string& path) {
  std::ifstream file(root / path);
  if (!file) throw BadInput("docs: " + path + ": cannot be read, expected a file");
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

json read_results(const std::string& name) {
  return json::parse(read_file("docs/results/" + name + ".json"));
}

std::string regenerate(const Page& page, const std::vector<Stage>& stages, const json& results) {
  std::istringstream lines(page.text);
  std::string result, line;
  while (std::getline(lines, line)) {
    result += line + "\n";
    if (!line.starts_with("<!-- generated: ")) continue;
    std::istringstream words(line.substr(16));
    std::string kind, name, word;
    words >> kind;
    while (words >> word && word != "-->") name += (name.empty() ? "" : " ") + word;
    result += generated(page, kind, name, stages, results);
    while (std::getline(lines, line) && line != "<!-- end -->") {
    }
    if (line != "<!-- end -->") throw BadInput("docs: '" + kind + "': expected <!-- end -->");
    result += line + "\n";
  }
  return result;
}

std::vector<std::string> pages_of(const Stage& stage) {
  std::vector<std::string> pages;
  if (stage.is_step()) return pages;
  for (const char* name : {"/README.md", "/backward.md"})
    if (std::filesystem::exists(root / (std::string(stage.name) + name)))
      pages.push_back(std::string(stage.name) + name);
  return pages;
}

std::vector<std::string> pages_in_docs() {
  std::vector<std::string> pages;
  for (const auto& entry : std::filesystem::directory_iterator(root / "docs"))
    if (entry.path().extension() == ".md") pages.push_back(entry.path().filename());
  std::ranges::sort(pages);
  return pages;
}

int docs_command(const Arguments& arguments, const Environment& environment) {
  constexpr Option known[] = {{"--check", "", "compare, follow all links, and write nothing"}};
  if (asks_for_help(arguments))
    return environment.out << "usage: ladder docs [--check]\n\n"
                              "Writes the generated parts of the pages, and the pictures.\n\n"
                           << options_help(known),
           0;
  const bool check = Options("docs", known, arguments).given("--check");
  const json results = read_results("forward");
  int stale = 0;
  const auto update = [&](const std::string& path, const std::string& old,
                          const std::string& text) {
    if (text == old) return;
    ++stale;
    if (!check && !(std::ofstream(root / path) << text << std::flush))
      throw BadInput("docs: " + path + ": cannot be written, expected a writable file");
    environment.out << path << (check ? ": differs from ./ladder docs\n" : ": written\n");
  };
  for (const std::string& page : pages_of(environment.stages)) {
    const std::string old = read_file(page);
    update(page, old, regenerate({page, old}, environment.stages, results));
  }
  if (!check) std::filesystem::create_directories(root / "docs/pictures");
  for (const Picture& picture : pictures({environment.stages, read_results})) {
    const std::string path = path_of(picture);
    update(path, std::filesystem::exists(root / path) ? read_file(path) : "", picture.svg());
  }
  for (const std::string& page : all_pages(root))
    for (const std::string& link : broken_links(root, page)) {
      ++stale;
      environment.out << link << "\n";
    }
  return check && stale > 0 ? 1 : 0;
}

}  // namespace flash
