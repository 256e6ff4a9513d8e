// What a simulation of an SM keeps: which unit works until when for whom, and the timeline of that.
#pragma once

#include <algorithm>
#include <deque>
#include <string_view>
#include <utility>

#include "model/roles.h"
#include "model/simulate.h"
#include "model/unit_times.h"
#include "model/units.h"

namespace flash::model {

class Timekeeper {
 protected:
  Timekeeper(const Gpu& gpu, const HbmTraffic& hbm, bool keep)
      : times_(gpu), gpu_(gpu), hbm_(hbm), keep_(keep) {}

  void note(const Role& role, int lane, double begin, double end, std::string_view what, int tile) {
    if (lane >= 0) timeline_.busy[lane] += end - begin;
    if (!keep_ || !(end > begin)) return;
    timeline_.intervals.push_back(
        {role.block, role.index, lane, begin, end, residents_[role.block].label(what, tile)});
  }

  double noted(const Role& role, Lane lane, const Use& use, const tile::Event& event) {
    note(role, static_cast<int>(lane), use.begin, use.end, event.op.name, event.tile);
    return use.end;
  }
  // A unit works for the role from now on, or when it is free.
  double take(const Role& role, Lane lane, double work, const Rate& rate,
              const tile::Event& event) {
    const double end = noted(role, lane, units_.take(lane, role.time, work, rate), event);
    delay_products(units_.stands_still());
    return end;
  }
  // Of a warp, which waits for its own product.
  void multiply(Role& role, double cycles, const tile::Event& event) {
    const Use use = units_.multiply(role.time, cycles, true);
    role.time = noted(role, Lane::tensor, use, event);
    std::erase_if(products_, [&](const Product& p) { return p.use.end <= use.begin; });
    products_.push_back({&role, use, timeline_.intervals.size() - 1});
  }
  // Those that are under way stand still: a part is behind that time, or all. (No block ends with
  // a product, so nothing has begun that would have to be put off.)
  void delay_products(const Use& still) {
    const double delay = still.end - still.begin;
    if (!(delay > 0)) return;
    for (Product& product : products_) {
      Use& use = product.use;
      if (use.end <= still.begin) continue;
      const bool has_begun = use.begin < still.begin;
      use = {has_begun ? still.end : use.begin + delay, use.end + delay};
      product.role->time = use.end;
      if (!keep_) continue;
      if (has_begun) {  // what is left of it is an interval of its own
        Interval rest = timeline_.intervals[product.interval];
        timeline_.intervals[product.interval].end = still.begin;
        product.interval = timeline_.intervals.size();
        timeline_.intervals.push_back(std::move(rest));
      }
      Interval& left = timeline_.intervals[product.interval];
      left.begin = use.begin;
      left.end = use.end;
    }
  }
  void wait_until(Role& role, double time, std::string_view what) {
    if (time > role.time) note(role, -1, role.time, time, what, -1);
    role.time = std::max(role.time, time);
  }

  void drain(Role& role) { wait_until(role, role.exponentials_end, "exponentials"); }

  // When they are there; of what is stored, when it has left.
  double copy_bytes(const Role& role, double from, double bytes, const tile::Op& op,
                    const tile::Event& event) {
    timeline_.copied_bytes += bytes;
    const std::uint8_t tensor = op.tensor.index;
    const double left =
        noted(role, Lane::copy, units_.copy(from, bytes / times_.copy_rate()), event);
    const auto valid = static_cast<double>(op.bytes);  // without TMA's zeros past the end
    const double share = op.writes_hbm ? hbm_.stored[tensor] : hbm_.loaded[tensor];
    const double moved = share > 0 ? units_.move_hbm(from, valid * share / times_.hbm_rate()) : 0;
    if (op.writes_hbm) return left;
    return std::max(left, moved) + gpu_.copy_latency + hbm_.awaited[tensor] * gpu_.hbm_latency;
  }

  UnitTimes times_;
  const Gpu& gpu_;
  const HbmTraffic& hbm_;
  bool keep_;  // intervals, too
  std::deque<Resident> residents_ = {};
  Units units_{gpu_.fp32_delays_exponentials};
  Timeline timeline_ = {};

 private:
  // A synchronous one that may still be under way.
  struct Product {
    Role* role;
    Use use;
    std::size_t interval;  // of the timeline's, if they are kept
  };
  std::vector<Product> products_ = {};
};

}  // namespace flash::model
