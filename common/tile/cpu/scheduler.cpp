#include "tile/cpu/scheduler.h"

namespace tile::cpu {
namespace {

constexpr std::uint64_t modulus = 2'147'483'647;  // of the generator

}  // namespace

void Scheduler::begin(std::uint64_t schedule, std::uint64_t block) {
  random_ = schedule != 0;
  number_ = static_cast<std::uint32_t>((schedule * 1'000'003 + block) % modulus);
  if (number_ == 0) number_ = 1;
  copies_.clear();
  switches_ = 0;
}

void Scheduler::run(std::vector<Role> roles) {
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
  for (int next; (next = choose(last)) >= 0; last = next) {
    switches_ += !error_ && next != last;
    resume(next);
  }
  current_ = -1;
  if (error_) std::rethrow_exception(error_);
}

void Scheduler::wait(const Signal& signal, std::int64_t times) {
  if (current_ < 0) {
    while (signal.completed_phases < times && complete_copy()) {
    }
    if (signal.completed_phases < times)
      throw Deadlock{"the block waits for " + signal.describe(), {{0, signal.number, times - 1}}};
    return;
  }
  if (error_) throw Cancelled();
  if (signal.completed_phases >= times && !(random_ && next_number() % 2)) return;
  tasks_[current_].signal = &signal;
  tasks_[current_].times = times;
  tasks_[current_].fiber.suspend();
  if (error_) throw Cancelled();
}

void Scheduler::enter(void* argument) {
  auto& task = *static_cast<Task*>(argument);
  try {
    if (!task.owner->error_) task.role.run();
  } catch (const Cancelled&) {
  } catch (...) {
    if (!task.owner->error_) task.owner->error_ = std::current_exception();
  }
}

void Scheduler::resume(int role) {
  current_ = role;
  tasks_[role].ended = tasks_[role].fiber.resume();
}

int Scheduler::choose(int last) {
  for (;;) {
    if (random_ && !error_ && !copies_.empty() && next_number() % 2) complete_copy();
    const int first = random_ ? static_cast<int>(next_number() % count_) : last + 1;
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

// Park and Miller's "minimal standard" generator (1988), multiplier of 1993.
std::uint32_t Scheduler::next_number() {
  return number_ = static_cast<std::uint32_t>(number_ * std::uint64_t{48271} % modulus);
}

bool Scheduler::complete_copy() {
  if (copies_.empty()) return false;
  const std::size_t i = random_ ? next_number() % copies_.size() : 0;
  const std::function<void()> arrive = std::move(copies_[i]);
  copies_.erase(copies_.begin() + static_cast<std::ptrdiff_t>(i));
  arrive();
  return true;
}

void Scheduler::report_deadlock() {
  Deadlock deadlock;
  for (int i = 0; i < count_; ++i) {
    const Task& task = tasks_[i];
    if (task.ended) continue;
    deadlock.text += (deadlock.text.empty() ? "" : "; ") + std::string(task.role.name) +
                     " waits for " + task.signal->describe();
    deadlock.waits.push_back({i, task.signal->number, task.times - 1});
  }
  error_ = std::make_exception_ptr(std::move(deadlock));
}

}  // namespace tile::cpu
