// How long the units of an SM take for an operation, in cycles.
#pragma once

#include "model/sm.h"
#include "tile/dtype.h"
#include "tile/op.h"

namespace flash::model {

// Results that an operation asks of each unit of the SM.
struct UnitWork {
  double exponentials = 0, fma = 0, maxima = 0, conversions = 0;
  double shared_bytes = 0;  // through shared memory, beside what products read
};

// By the operation's name: how many instructions it takes for an element.
UnitWork work_of(const tile::Op& op);

class UnitTimes {
 public:
  explicit UnitTimes(const Gpu& gpu) : gpu_(gpu) {}

  // Of `work` results at the one rate for the first `busy` cycles and at the other from then on.
  static double duration(double work, double rate_while_busy, double busy, double rate) {
    if (busy <= 0) return work / rate;
    const double slow = work / rate_while_busy;
    if (slow <= busy) return slow;
    return busy + (work - busy * rate_while_busy) / rate;
  }

  // FLOPs a cycle.
  double products(tile::DType dtype) const {
    return gpu_.flops_16bit * (size_in_bytes(dtype) == 1 ? 2 : 1);
  }
  double synchronous_products(int head_dim) const {
    if (head_dim <= 64) return gpu_.mma_sync.head_dim_64;
    return head_dim <= 128 ? gpu_.mma_sync.head_dim_128 : gpu_.mma_sync.head_dim_256;
  }

  // An SM's share of the second cache's and of HBM's bandwidth.
  double copy_rate() const { return gpu_.l2_bytes_per_s / gpu_.sms / gpu_.clock_hz; }

  double hbm_rate() const { return gpu_.hbm_bytes_per_s / gpu_.sms / gpu_.clock_hz; }

  double shared(const UnitWork& work) const {
    return work.shared_bytes > 0 ? work.shared_bytes / gpu_.shared_bytes_per_cycle : 0;
  }

  // An SM's share of the additions in L2.
  double additions(double count) const {
    return count / (gpu_.additions_per_s / gpu_.sms / gpu_.clock_hz);
  }

  // Of an operation on few elements: an instruction's latency.
  double least() const { return 4; }

 private:
  const Gpu& gpu_;
};

}  // namespace flash::model
