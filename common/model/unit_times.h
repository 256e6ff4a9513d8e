// How long the units of an SM take for an operation, in cycles.
#pragma once

#include "model/sm.h"
#include "tile/dtype.h"
#include "tile/op.h"

namespace flash::model {

// Results that an operation asks of each unit of the SM.
struct UnitWork {
  double exponentials = 0, fma = 0, maxima = 0, conversions = 0;
};

// By the operation's name: how many instructions it takes for an element.
UnitWork work_of(const tile::Op& op);

class UnitTimes {
 public:
  explicit UnitTimes(const Gpu& gpu) : gpu_(gpu) {}

  // Of `work` results, where products go on for `busy` cycles from the beginning.
  double duration(double work, const Rate& rate, double busy) const {
    const double slow = work / rate.beside_products;
    if (busy <= 0) return work / rate.alone;
    if (slow <= busy) return slow;
    return busy + (work - busy * rate.beside_products) / rate.alone;
  }

  Rate products(tile::DType dtype) const {
    const double flops = gpu_.flops_16bit * (size_in_bytes(dtype) == 1 ? 2 : 1);
    return {flops, flops};
  }
  Rate synchronous_products(tile::DType dtype) const {
    const double flops = products(dtype).alone / gpu_.mma_sync_slowdown;
    return {flops, flops};
  }

  // An SM's share of the second cache's bandwidth, when all SMs copy.
  Rate copy_rate() const {
    const double bytes = gpu_.l2_bytes_per_s / gpu_.sms / gpu_.clock_hz;
    return {bytes, bytes};
  }

  // Of an operation on few elements: an instruction's latency.
  double least() const { return 4; }

 private:
  const Gpu& gpu_;
};

}  // namespace flash::model
