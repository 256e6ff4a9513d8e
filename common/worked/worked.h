// Examples whose numbers fit on paper: the chapters show them, and they are computed here.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace flash {

struct WorkedExample {
  std::string_view name;  // in the page: <!-- generated: worked NAME -->
  std::string (*text)();  // Markdown, with a newline at its end
};

// Each chapter has its own, in chapter_NN.cpp.
std::span<const WorkedExample> worked_examples();

}  // namespace flash
