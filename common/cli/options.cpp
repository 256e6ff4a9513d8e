#include "cli/options.h"

#include <algorithm>

#include "report/table.h"
#include "tile/error.h"

namespace flash {

void refuse(const std::string& argument, const std::string& value, const std::string& expected) {
  throw BadInput(argument, value, expected);
}

std::string in_quotes(std::string_view text) {
  return "'" + std::string(text) + "'";
}

BadInput with_dashes(const BadInput& error, std::span<const Option> options) {
  std::string name = "--" + error.argument;
  std::ranges::replace(name, '_', '-');
  const bool known = std::ranges::find(options, name, &Option::name) != options.end();
  return known ? BadInput(name + std::string(error.what()).substr(error.argument.size())) : error;
}

bool asks_for_help(const Arguments& arguments) {
  return std::ranges::any_of(arguments, [](const std::string& argument) {
    return argument == "--help" || argument == "-h";
  });
}

std::vector<Option> joined(std::initializer_list<std::span<const Option>> parts) {
  std::vector<Option> all;
  for (const std::span<const Option> part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

std::string options_help(std::span<const Option> options) {
  constexpr std::size_t indent = 22;
  std::string text;
  for (const auto& [name, value, help] : options) {
    if (name.empty()) {
      text += "\n" + std::string(help) + "\n";
      continue;
    }
    std::string label = "  " + std::string(name) + " " + std::string(value);
    label.resize(indent, ' ');
    text += paragraph({.width = 80}, label, std::string(help));
  }
  return text;
}

Options::Options(const std::string& command, std::span<const Option> options,
                 const Arguments& arguments) {
  for (auto argument = arguments.begin(); argument != arguments.end(); ++argument) {
    const std::size_t equals = argument->find('=');
    const std::string name = argument->substr(0, equals);
    const auto option = std::ranges::find(options, name, &Option::name);
    if (option == options.end() || name.empty())
      refuse(in_quotes(name), "is not an option of " + command,
             "one of ladder " + command + " --help");
    Arguments& values = values_[name];
    if (equals != std::string::npos) {
      values.push_back(argument->substr(equals + 1));
      if (option->value.empty()) refuse(name, in_quotes(values.back()), "no value");
    } else if (!option->value.empty()) {
      if (++argument == arguments.end()) refuse(name, "no value", "one");
      values.push_back(*argument);
    }
  }
}

std::string Options::one(const std::string& name, const std::string& otherwise) const {
  if (!given(name)) return otherwise;
  const Arguments& values = all(name);
  if (values.size() != 1) refuse(name, "given " + std::to_string(values.size()) + " times", "once");
  if (values[0].empty()) refuse(name, in_quotes(""), "a value");
  return values[0];
}

}  // namespace flash
