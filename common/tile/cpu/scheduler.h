// The roles of a block as cooperative tasks on one thread, switched where they wait and nowhere
// else.
#pragma once

#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "tile/cpu/fiber.h"

namespace tile::cpu {

// One warpgroup of a block.
struct Role {
  std::string_view name;
  std::function<void()> run;
};

// Something that happens again and again, and that roles wait for.
struct Signal {
  std::int64_t completed_phases = 0;  // how many times

  virtual std::string describe() const = 0;

 protected:
  ~Signal() = default;
};

// No role can go on; says which waits for what.
struct Deadlock {
  std::string text;
};

class Scheduler {
 public:
  // Schedule 0 takes the roles in turn, and lets a copy arrive only when no role can go on without
  // it. Any other draws both from a random sequence.
  void begin(std::uint64_t schedule, std::uint64_t block) {
    random_ = schedule != 0;
    numbers_.seed(static_cast<std::uint32_t>(schedule * 1'000'003 + block));
    copies_.clear();
  }

  // Runs the roles until all have returned. Rethrows the first error once the others have ended.
  // Throws Deadlock.
  void run(std::vector<Role> roles) {
    while (tasks_.size() < roles.size()) tasks_.emplace_back();
    count_ = static_cast<int>(roles.size());
    error_ = nullptr;
    for (int i = 0; i < count_; ++i) {
      tasks_[i].owner = this;
      tasks_[i].role = std::move(roles[i]);
      tasks_[i].signal = nullptr;
      tasks_[i].ended = false;
      tasks_[i].fiber.start(&Scheduler::enter, &tasks_[i]);
    }
    int last = count_ - 1;
    for (int next; (next = choose(last)) >= 0; last = next) resume(next);
    current_ = -1;
    if (error_) std::rethrow_exception(error_);
  }

  // The role that is running; -1 outside run().
  int current() const { return current_; }

  // Returns when the signal has completed_phases `times` times. Called by a role, or by a block
  // without.
  void wait(const Signal& signal, std::int64_t times) {
    if (current_ < 0) {
      while (signal.completed_phases < times && complete_copy()) {
      }
      if (signal.completed_phases < times)
        throw Deadlock{"the block waits for " + signal.describe()};
      return;
    }
    if (error_) throw Cancelled();
    if (signal.completed_phases >= times && !(random_ && numbers_() % 2)) return;
    tasks_[current_].signal = &signal;
    tasks_[current_].times = times;
    tasks_[current_].fiber.suspend();
    if (error_) throw Cancelled();
  }

  // Checked mode: `arrive` runs when the copy has arrived.
  void add_copy(std::function<void()> arrive) { copies_.push_back(std::move(arrive)); }
  bool has_copies() const { return !copies_.empty(); }

 private:
  struct Cancelled {};

  struct Task {
    Scheduler* owner = nullptr;
    Role role;
    const Signal* signal =
        nullptr;  // that it waits for, until it has completed_phases so many times
    std::int64_t times = 0;
    Fiber fiber;
    bool ended = true;
  };

  static void enter(void* argument) {
    auto& task = *static_cast<Task*>(argument);
    try {
      if (!task.owner->error_) task.role.run();
    } catch (const Cancelled&) {
    } catch (...) {
      if (!task.owner->error_) task.owner->error_ = std::current_exception();
    }
  }

  void resume(int role) {
    current_ = role;
    tasks_[role].ended = tasks_[role].fiber.resume();
  }

  bool ready(int role) const {
    const Task& task = tasks_[role];
    return !task.ended && (error_ || !task.signal || task.signal->completed_phases >= task.times);
  }

  // The next role to run, after copies that may arrive before; -1 when all have ended.
  int choose(int last) {
    for (;;) {
      if (random_ && !error_ && !copies_.empty() && numbers_() % 2) complete_copy();
      const int first = random_ ? static_cast<int>(numbers_() % count_) : last + 1;
      bool all_ended = true;
      for (int i = 0; i < count_; ++i) {
        const int role = (first + i) % count_;
        if (ready(role)) return role;
        all_ended = all_ended && tasks_[role].ended;
      }
      if (all_ended) return -1;
      if (!complete_copy()) report_deadlock();
    }
  }

  bool complete_copy() {
    if (copies_.empty()) return false;
    const std::size_t i = random_ ? numbers_() % copies_.size() : 0;
    const std::function<void()> arrive = std::move(copies_[i]);
    copies_.erase(copies_.begin() + static_cast<std::ptrdiff_t>(i));
    arrive();
    return true;
  }

  // The roles end by what wait() throws, as error_ is set.
  void report_deadlock() {
    std::string text;
    for (int i = 0; i < count_; ++i)
      if (!tasks_[i].ended)
        text += (text.empty() ? "" : "; ") + std::string(tasks_[i].role.name) + " waits for " +
                tasks_[i].signal->describe();
    error_ = std::make_exception_ptr(Deadlock{"no role can go on: " + text});
  }

  std::deque<Task> tasks_;
  int count_ = 0, current_ = -1;
  bool random_ = false;
  std::minstd_rand numbers_;
  std::deque<std::function<void()>> copies_;  // in flight
  std::exception_ptr error_;
};

}  // namespace tile::cpu
