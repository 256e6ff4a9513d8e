#include "model/simulate.h"

#include <algorithm>
#include <deque>
#include <utility>

#include "model/timekeeper.h"

namespace flash::model {
namespace {

using tile::BlockRecord;
using tile::Event;

class Sm : Timekeeper {
 public:
  Sm(const Gpu& gpu, std::span<const BlockRecord* const> blocks, const HbmTraffic& hbm, bool keep)
      : Timekeeper(gpu, hbm, keep), blocks_(blocks) {
    timeline_.block_ends.resize(blocks.size());
  }

  Timeline run(int resident) {
    while (started_ < std::min<std::size_t>(resident, blocks_.size())) start(0);
    for (Role* role; (role = next_role());) step(*role);
    timeline_.cycles = std::max(timeline_.cycles, units_.end());
    return std::move(timeline_);
  }

 private:
  void start(double time) {
    const auto index = static_cast<int>(started_++);
    const BlockRecord& record = *residents_.emplace_back(*blocks_[index]).record;
    const std::size_t first = roles_.size();
    for (std::size_t r = 0; r < record.roles.size(); ++r)
      roles_.push_back({.block = index, .index = static_cast<int>(r), .began = time, .time = time});
    for (const Event& event : record.events) roles_[first + event.role].events.push_back(&event);
    for (std::size_t r = first; r < first + record.roles.size(); ++r) {
      active_.push_back(&roles_[r]);
      end_if_done(roles_[r]);
    }
  }

  // The role that is furthest behind, of those that do not wait.
  Role* next_role() {
    Role* first = nullptr;
    for (Role* role : active_)
      if (!is_blocked(*role) && (!first || role->time < first->time)) first = role;
    return first;
  }

  Phases& barrier_of(const Role& role) {
    return residents_[role.block].barriers[role.events[role.next]->barrier];
  }
  bool is_blocked(const Role& role) {
    return role.awaited >= 0 && std::ssize(barrier_of(role).completed) <= role.awaited;
  }

  void step(Role& role) {
    const Event& event = *role.events[role.next];
    switch (event.kind) {
      case Event::Kind::op:
        do_op(role, event);
        break;
      case Event::Kind::product:
        issue_product(role, event);
        break;
      case Event::Kind::copy:
        copy(role, event);
        break;
      case Event::Kind::arrive:
        arrive(role, event);
        break;
      case Event::Kind::wait:
      case Event::Kind::sync:
        if (!wait(role, event)) return;
        break;
      case Event::Kind::commit:
        role.close_group();
        break;
      case Event::Kind::wait_products:
        wait_products(role, event);
        break;
      case Event::Kind::work:
        break;
    }
    ++role.next;
    end_if_done(role);
  }

  void end_if_done(Role& role) {
    if (role.next < role.events.size()) return;
    std::erase(active_, &role);
    drain(role);
    double& end = timeline_.block_ends[role.block];
    end = std::max(end, role.time);
    timeline_.cycles = std::max(timeline_.cycles, end);
    if (--residents_[role.block].roles_left == 0 && started_ < blocks_.size()) start(end);
  }

  void do_op(Role& role, const Event& event) {
    const tile::Op& op = event.op;
    if (op.unit == tile::Unit::copy) return transfer(role, event);
    if (op.unit == tile::Unit::tensor_core) {
      drain(role);
      timeline_.product_flops += static_cast<double>(op.flops);
      const double rate = times_.synchronous_products(residents_[role.block].record->head_dim);
      return multiply(role, static_cast<double>(op.flops) / rate, event);
    }
    const UnitWork work = work_of(op);
    if (work.exponentials > 0) {
      drain(role);
      timeline_.exponentials += work.exponentials;
      role.exponentials_end =
          take(role, Lane::exponential, work.exponentials, gpu_.exponentials, event);
    }
    const double begin = role.time;
    if (work.maxima > 0) role.time = take(role, Lane::fp32, work.maxima, gpu_.maxima, event);
    if (work.conversions > 0)
      role.time = take(role, Lane::fp32, work.conversions, gpu_.conversions, event);
    if (work.fma > 0) role.time = take(role, Lane::fp32, work.fma, gpu_.fma, event);
    role.time = std::max(role.time, begin + times_.least()) + times_.shared(work);
  }

  void transfer(Role& role, const Event& event) {
    if (event.op.name == "atomic_add") return add(role, event);
    const auto bytes = static_cast<double>(event.op.bytes);
    if (event.op.writes_hbm) {
      drain(role);
      copy_bytes(role, role.time, bytes, event.op, event);
      return;
    }
    // A scalar is in the first cache, or soon will be; a copy's bytes come with its event.
    if (event.op.name == "load_async") {
      role.issues = &event.op;
      return;
    }
    if (event.op.name == "load_scalar")
      return wait_until(role, role.time + gpu_.wait_latency, "scalar");
    const auto last = role.last_load.find(event.tile);
    const double issued = last == role.last_load.end() ? role.began : last->second;
    const double there = copy_bytes(role, issued, bytes, event.op, event);
    drain(role);
    role.last_load[event.tile] = role.time;
    wait_until(role, there, "load");
  }

  void add(Role& role, const Event& event) {
    if (!event.op.writes_hbm) return;  // L2 reads for itself
    drain(role);
    const double cycles = times_.additions(static_cast<double>(event.op.bytes) / sizeof(float));
    const double end = units_.add(role.time, cycles);
    timeline_.adding += cycles;
    // What a role adds for others lies in shared memory, and stays there until TMA has taken it.
    if (residents_[role.block].record->roles.size() > 1) wait_until(role, end, "additions");
  }

  void issue_product(Role& role, const Event& event) {
    drain(role);
    const double rescaled = static_cast<double>(event.op.elements);
    if (rescaled > 0) role.time = take(role, Lane::fp32, rescaled, gpu_.fma, event);
    timeline_.product_flops += static_cast<double>(event.op.flops);
    const double rate = times_.products(residents_[role.block].record->dtype);
    const double cycles = static_cast<double>(event.op.flops) / rate;
    const Use use = units_.multiply(role.time + gpu_.issue, cycles, false);
    role.open_group = std::max(role.open_group, noted(role, Lane::tensor, use, event));
    role.time += gpu_.issue;
  }

  void wait_products(Role& role, const Event& event) {
    const double end = role.end_of_groups(event.amount);
    if (end <= 0) return;
    drain(role);
    wait_until(role, end + gpu_.product_latency, "products");
  }

  void copy(Role& role, const Event& event) {
    role.time += gpu_.issue;
    const auto bytes = static_cast<double>(event.amount);
    const double there =
        copy_bytes(role, role.time, bytes, role.issues ? *role.issues : event.op, event);
    barrier_of(role).bytes_come(event.amount, there);
  }

  void arrive(Role& role, const Event& event) {
    drain(role);
    role.time += gpu_.issue;
    Phases& barrier = barrier_of(role);
    barrier.bytes += event.amount;
    barrier.arrive(role.time);
  }

  // False if the role has to be asked again, when the phase is complete.
  bool wait(Role& role, const Event& event) {
    Phases& barrier = barrier_of(role);
    const bool named = event.kind == Event::Kind::sync;
    if (role.awaited < 0) {
      drain(role);
      if (named) {
        role.awaited = std::ssize(barrier.completed);
        barrier.arrive(role.time);
      } else {
        role.awaited = role.phase_of_wait(event);
        if (role.awaited < 0) return true;
      }
      if (is_blocked(role)) return false;
    }
    const double handover = named ? gpu_.named_handover_latency : gpu_.handover_latency;
    const double completed = barrier.completed[std::exchange(role.awaited, -1)];
    if (!named) role.time += gpu_.wait_latency;
    wait_until(role, completed + handover - gpu_.issue,
               residents_[role.block].record->barriers[event.barrier].name);
    return true;
  }

  std::span<const BlockRecord* const> blocks_;
  std::size_t started_ = 0;
  std::deque<Role> roles_ = {};
  std::vector<Role*> active_ = {};  // have not ended
};

}  // namespace

Timeline simulate(const Gpu& gpu, std::span<const BlockRecord* const> blocks, int resident,
                  const HbmTraffic& hbm, bool keep_intervals) {
  return Sm(gpu, blocks, hbm, keep_intervals).run(resident);
}

}  // namespace flash::model
