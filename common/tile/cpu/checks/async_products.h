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

  void begin();

  // Takes the result, which is there already, out of sight until it is waited for.
  void issue(RaceDetector& detector, int role, const Product& product, std::int64_t elements);

  // Shows the result of this role's products in flight again, so that another can add to it.
  void uncover(RaceDetector& detector, int role, float* result);

  void commit(int role);

  void wait(RaceDetector& detector, int role, std::size_t pending);

  bool in_flight(int role) const;

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

  static void show(const Hidden& hidden);

  // Products into one accumulator finish in turn; the last of them shows it.
  void finish(RaceDetector& detector, int role, const Product& product);

  std::array<Role, RaceDetector::max_roles> roles_;
  std::vector<Hidden> hidden_;
};

}  // namespace tile::cpu
