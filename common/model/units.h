// When each unit of an SM is free, and how units at work slow one another down.
#pragma once

#include <algorithm>
#include <array>

#include "model/simulate.h"
#include "model/unit_times.h"

namespace flash::model {

// When a unit was at work, in cycles.
struct Use {
  double begin, end;
};

class Units {
 public:
  explicit Units(double fp32_delays_exponentials) : delay_(fp32_delays_exponentials) {}

  // `work` results at the rate, from `from` or when the unit is free. Products of mma.sync that are
  // under way then stand still meanwhile: for the time that stands_still() says.
  Use take(Lane lane, double from, double work, const Rate& rate) {
    const double begin = std::max(from, free(lane));
    double& products_end = free(Lane::tensor);
    double end = begin + work / rate.alone;
    stands_still_ = {};
    if (synchronous_) {
      if (begin < products_end && others_end_ < end)
        stands_still_ = {std::max(begin, others_end_), end};
      products_end += stands_still_.end - stands_still_.begin;
    } else {
      end =
          begin + UnitTimes::duration(work, rate.beside_products, products_end - begin, rate.alone);
      if (lane == Lane::exponential) end += delay(begin, end, free(Lane::fp32));
      if (lane == Lane::fp32) free(Lane::exponential) += delay(begin, end, free(Lane::exponential));
    }
    others_end_ = std::max(others_end_, end);
    free(lane) = end;
    return {begin, end};
  }

  Use copy(double from, double cycles) {
    const double begin = std::max(from, free(Lane::copy));
    return {begin, free(Lane::copy) = begin + cycles};
  }

  // Between HBM and L2; returns when they are done.
  double move_hbm(double from, double cycles) {
    return hbm_end_ = std::max(from, hbm_end_) + cycles;
  }

  // Additions in L2, which are on their way out while copies come in; returns when they are done.
  double add(double from, double cycles) {
    return additions_end_ = std::max(from, additions_end_) + cycles;
  }

  // A kernel ends when what it stores and adds is there, and what was held up is done.
  double end() {
    const double stored = std::max(free(Lane::copy), additions_end_);
    return synchronous_ ? std::max(stored, free(Lane::tensor)) : stored;
  }

  const Use& stands_still() const { return stands_still_; }

  // A product of so many cycles; a synchronous one begins when exponentials and FP32 lanes are
  // done.
  Use multiply(double from, double cycles, bool synchronous) {
    synchronous_ = synchronous;
    double begin = std::max(from, free(Lane::tensor));
    if (synchronous) begin = std::max(begin, others_end_);
    return {begin, free(Lane::tensor) = begin + cycles};
  }

 private:
  double& free(Lane lane) { return free_[static_cast<int>(lane)]; }
  // Of exponentials, while the FP32 lanes work beside them and beside products.
  double delay(double begin, double end, double other_end) {
    return delay_ * overlap(begin, std::min(end, other_end), free(Lane::tensor));
  }
  static double overlap(double begin, double end, double other_end) {
    return std::max(0.0, std::min(end, other_end) - begin);
  }

  double delay_;
  double additions_end_ = 0;
  double hbm_end_ = 0;
  double others_end_ = 0;  // of the exponentials and the FP32 lanes
  Use stands_still_{};     // synchronous products, for the last of these
  std::array<double, lanes> free_{};
  bool synchronous_ = false;  // the last product
};

}  // namespace flash::model
