#include "tile/cpu/checks/history.h"

#include <algorithm>

namespace tile::cpu {
namespace {

constexpr std::size_t columns = 75, latest = 8;

// A line that has a text in one column or in several.
class Line {
 public:
  explicit Line(std::size_t roles) : width_(columns / roles) {}

  void put(int role, std::string_view text) {
    const std::size_t begin = width_ * static_cast<std::size_t>(role);
    text_.resize(std::max(text_.size(), begin), ' ');
    text_ += text.substr(0, width_ - 1);
  }
  std::string end() const { return text_ + "\n"; }

 private:
  std::size_t width_;
  std::string text_;
};

std::string text_of(std::string_view operation, std::string_view object, std::int64_t phase) {
  std::string text(operation);
  text += " " + std::string(object);
  return phase < 0 ? text : text + " ph " + std::to_string(phase);
}

}  // namespace

std::string History::table(const std::vector<std::string_view>& roles,
                           const std::vector<Wait>& waits) const {
  if (roles.size() < 2) return "";
  std::string text;
  Line names(roles.size()), ends(roles.size());
  for (std::size_t r = 0; r < roles.size(); ++r) names.put(static_cast<int>(r), roles[r]);
  text += names.end();
  for (std::size_t i = steps_.size() - std::min(steps_.size(), latest); i < steps_.size(); ++i) {
    Line line(roles.size());
    line.put(steps_[i].role, text_of(steps_[i].operation, steps_[i].object, steps_[i].phase));
    text += line.end();
  }
  for (int r = 0; r < static_cast<int>(roles.size()); ++r) {
    const auto wait =
        std::find_if(waits.begin(), waits.end(), [&](const Wait& w) { return w.role == r; });
    ends.put(r, wait == waits.end()
                    ? "ended"
                    : text_of("stuck:", barriers_[wait->barrier].name, wait->phase));
  }
  return waits.empty() ? text : text + ends.end();
}

}  // namespace tile::cpu
