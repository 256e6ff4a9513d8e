// What a command may be given, what it was given, and the help that says so.
#pragma once

#include <charconv>
#include <initializer_list>
#include <limits>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "cli/cli.h"

namespace flash {

struct Option {
  std::string_view name;   // "--heads"; empty: `help` is a heading
  std::string_view value;  // what stands for it in the help; empty: a flag
  std::string_view help;
};

[[noreturn]] void refuse(const std::string& argument, const std::string& value,
                         const std::string& expected);
std::string in_quotes(std::string_view text);

// As short as it can be: "3", "0.01".
template <class T>
std::string number_text(T number) {
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, number).ptr};
}

// The same error, its argument with dashes if it is one of the options.
BadInput with_dashes(const BadInput& error, std::span<const Option> options);

bool asks_for_help(const Arguments& arguments);

std::vector<Option> joined(std::initializer_list<std::span<const Option>> parts);

// A line or more for each option, at most 80 columns wide.
std::string options_help(std::span<const Option> options);

// The options as they were typed, "--name value" or "--name=value". Throws BadInput for what the
// command does not have.
class Options {
 public:
  Options(const std::string& command, std::span<const Option> options, const Arguments& arguments);

  bool given(const std::string& name) const { return values_.contains(name); }
  const Arguments& all(const std::string& name) const { return values_.at(name); }

  // The one value of an option, or `otherwise` if it was not given.
  std::string one(const std::string& name, const std::string& otherwise = "") const;

  template <class T>
  T number(const std::string& name, T otherwise, T minimum = 0,
           T maximum = std::numeric_limits<T>::max()) const {
    if (!given(name)) return otherwise;
    const std::string text = one(name);
    const char* const end = text.data() + text.size();
    T value{};
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc{} || stop != end || !(value >= minimum && value <= maximum))
      refuse(name, in_quotes(text),
             (std::is_integral_v<T> ? "a whole number from " : "a number from ") +
                 number_text(minimum) + " to " + number_text(maximum));
    return value;
  }

 private:
  std::map<std::string, Arguments> values_;  // of the options that were given
};

}  // namespace flash
