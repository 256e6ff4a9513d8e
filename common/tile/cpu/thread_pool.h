// Threads that stay from one launch to the next: a decode step takes no longer than starting a few.
#pragma once

#include <atomic>
#include <functional>
#include <thread>
#include <vector>

namespace tile::cpu {

class ThreadPool {
 public:
  // `members` threads, of which the caller is the first.
  explicit ThreadPool(int members) {
    for (int member = 1; member < members; ++member)
      helpers_.emplace_back([this, member] { help(member); });
  }
  ThreadPool(const ThreadPool&) = delete;

  ~ThreadPool() {
    begin(nullptr);
    for (std::thread& helper : helpers_) helper.join();
  }

  // Calls work(member) in every thread; returns when all calls have. `work` must not throw.
  void run(const std::function<void(int)>& work) {
    busy_ = static_cast<int>(helpers_.size());
    begin(&work);
    work(0);
    for (int busy; (busy = busy_) > 0;) wait_for_change(busy_, busy);
  }

 private:
  // A thread that sleeps takes as long to wake as another kernel takes to run, so none does at
  // once.
  static void wait_for_change(const std::atomic<int>& value, int old) {
    for (int i = 0; i < 200 && value == old; ++i) std::this_thread::yield();
    value.wait(old);
  }

  void begin(const std::function<void(int)>* work) {
    work_ = work;
    ++launch_;
    launch_.notify_all();
  }

  void help(int member) {
    for (int launch = 0;; ++launch) {
      wait_for_change(launch_, launch);
      if (!work_) return;
      (*work_)(member);
      if (--busy_ == 0) busy_.notify_one();
    }
  }

  const std::function<void(int)>* work_ = nullptr;  // null: the helpers end
  std::atomic<int> launch_ = 0, busy_ = 0;
  std::vector<std::thread> helpers_;
};

}  // namespace tile::cpu
