// The roles of a block as cooperative tasks on one thread, switched where they wait and nowhere
// else.
#pragma once

#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "tile/cpu/checks/history.h"
#include "tile/cpu/fiber.h"

namespace tile::cpu {

// One warpgroup of a block.
struct Role {
  std::string_view name;
  std::function<void()> run;
};

// Something that happens again and again, and that roles wait for.
struct Signal {
  std::int64_t completed_phases = 0;
  int number = -1;  // in the history, in checked mode

  virtual std::string describe() const = 0;

 protected:
  ~Signal() = default;
};

// No role can go on; says which waits for what. Those that do not have ended.
struct Deadlock {
  std::string text;
  std::vector<Wait> waits;
};

class Scheduler {
 public:
  // Schedule 0 takes the roles in turn, and lets a copy arrive only when no role can go on without
  // it. Any other draws both from a random sequence.
  void begin(std::uint64_t schedule, std::uint64_t block);

  // Runs the roles until all have returned. Rethrows the first error once the others have ended.
  // Throws Deadlock.
  void run(std::vector<Role> roles);

  // The role that is running; -1 outside run().
  int current() const { return current_; }

  // How often another role went on than the one before, since begin().
  int switches() const { return switches_; }

  // Returns when the signal has completed `times` phases. Called by a role, or by a block
  // without.
  void wait(const Signal& signal, std::int64_t times);

  // Checked mode: `arrive` runs when the copy has arrived.
  void add_copy(std::function<void()> arrive) { copies_.push_back(std::move(arrive)); }
  bool has_copies() const { return !copies_.empty(); }

 private:
  struct Cancelled {};

  struct Task {
    Scheduler* owner = nullptr;
    Role role;
    const Signal* signal = nullptr;  // that it waits for, until it has completed
    std::int64_t times = 0;          // so many phases
    Fiber fiber;
    bool ended = true;
  };

  static void enter(void* argument);

  void resume(int role);

  bool ready(int role) const {
    const Task& task = tasks_[role];
    return !task.ended && (error_ || !task.signal || task.signal->completed_phases >= task.times);
  }

  // The next role to run, after copies that may arrive before; -1 when all have ended.
  int choose(int last);

  std::uint32_t next_number();
  bool complete_copy();

  // The roles end by what wait() throws, as error_ is set.
  void report_deadlock();

  std::deque<Task> tasks_;
  int count_ = 0, current_ = -1, switches_ = 0;
  bool random_ = false;
  std::uint32_t number_ = 1;                  // the last random one
  std::deque<std::function<void()>> copies_;  // in flight
  std::exception_ptr error_;
};

}  // namespace tile::cpu
