#include "tile/cpu/checks/async_products.h"

#include <algorithm>

namespace tile::cpu {

void AsyncProducts::begin() {
  for (Role& role : roles_) role = {};
  hidden_.clear();
}

void AsyncProducts::issue(RaceDetector& detector, int role, const Product& product,
                          std::int64_t elements) {
  detector.product_issued(role, product.result, product.left, product.right);
  hidden_.push_back({product.result, {product.result, product.result + elements}});
  roles_[role].open.push_back(product);
}

void AsyncProducts::uncover(RaceDetector& detector, int role, float* result) {
  if (!detector.is_result_of(role, result)) return;
  for (const Hidden& hidden : hidden_)
    if (hidden.result == result) show(hidden);
  detector.result_shown(result);
}

void AsyncProducts::commit(int role) {
  roles_[role].groups.push_back(std::move(roles_[role].open));
  roles_[role].open.clear();
}

void AsyncProducts::wait(RaceDetector& detector, int role, std::size_t pending) {
  for (std::deque<Group>& groups = roles_[role].groups; groups.size() > pending; groups.pop_front())
    for (const Product& product : groups.front()) finish(detector, role, product);
}

bool AsyncProducts::in_flight(int role) const {
  return !roles_[role].open.empty() ||
         std::any_of(roles_[role].groups.begin(), roles_[role].groups.end(),
                     [](const Group& group) { return !group.empty(); });
}

void AsyncProducts::show(const Hidden& hidden) {
  std::copy(hidden.value.begin(), hidden.value.end(), hidden.result);
}

void AsyncProducts::finish(RaceDetector& detector, int role, const Product& product) {
  const auto same = [&](const Hidden& hidden) { return hidden.result == product.result; };
  const auto first = std::find_if(hidden_.begin(), hidden_.end(), same);
  const bool last = std::none_of(first + 1, hidden_.end(), same);
  if (last) show(*first);
  hidden_.erase(first);
  detector.product_done(role, product.left, product.right);
  if (last) detector.result_done(role, product.result);
}

}  // namespace tile::cpu
