// Checked mode's account of the asynchronous products in flight.
#pragma once

#include <algorithm>
#include <array>
#include <deque>
#include <vector>

#include "tile/cpu/checks/race_detector.h"

namespace tile::cpu {

class AsyncProducts {
 public:
  // The tiles of one product.
  struct Product {
    float* result;
    const float *left, *right;
  };

  void begin() {
    for (Role& role : roles_) role = {};
    hidden_.clear();
  }

  // Takes the result, which is there already, out of sight until it is waited for.
  void issue(RaceDetector& detector, int role, const Product& product, std::int64_t elements) {
    detector.product_issued(role, product.result, product.left, product.right);
    hidden_.push_back({product.result, {product.result, product.result + elements}});
    roles_[role].open.push_back(product);
  }

  // Shows the result of this role's products in flight again, so that another can add to it.
  void uncover(RaceDetector& detector, int role, float* result) {
    if (!detector.is_result_of(role, result)) return;
    for (const Hidden& hidden : hidden_)
      if (hidden.result == result) show(hidden);
    detector.result_shown(result);
  }

  void commit(int role) {
    roles_[role].groups.push_back(std::move(roles_[role].open));
    roles_[role].open.clear();
  }

  void wait(RaceDetector& detector, int role, std::size_t pending) {
    for (std::deque<Group>& groups = roles_[role].groups; groups.size() > pending;
         groups.pop_front())
      for (const Product& product : groups.front()) finish(detector, role, product);
  }

  bool in_flight(int role) const {
    return !roles_[role].open.empty() ||
           std::any_of(roles_[role].groups.begin(), roles_[role].groups.end(),
                       [](const Group& group) { return !group.empty(); });
  }

 private:
  using Group = std::vector<Product>;

  struct Role {
    Group open;  // since the last commit
    std::deque<Group> groups;
  };

  struct Hidden {
    float* result;
    std::vector<float> value;
  };

  static void show(const Hidden& hidden) {
    std::copy(hidden.value.begin(), hidden.value.end(), hidden.result);
  }

  // AsyncProducts into one accumulator finish in turn; the last of them shows it.
  void finish(RaceDetector& detector, int role, const Product& product) {
    const auto same = [&](const Hidden& hidden) { return hidden.result == product.result; };
    const auto first = std::find_if(hidden_.begin(), hidden_.end(), same);
    const bool last = std::none_of(first + 1, hidden_.end(), same);
    if (last) show(*first);
    hidden_.erase(first);
    detector.product_done(role, product.left, product.right);
    if (last) detector.result_done(role, product.result);
  }

  std::array<Role, RaceDetector::max_roles> roles_;
  std::vector<Hidden> hidden_;
};

}  // namespace tile::cpu
