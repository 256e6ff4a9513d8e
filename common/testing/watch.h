// Says on standard error which case is being run, if that takes long, as a loop may have no end, or
// if it ends the program.
#pragma once

#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <string>
#include <thread>

#include "report/summary.h"
#include "stages/stage.h"
#include "tile/cpu/asan.h"

namespace flash {

class Watch {
 public:
  explicit Watch(const Stage& stage) : stage_(stage.name), thread_([this] { watch(); }) {
    if (!tile::cpu::has_asan)  // which has more to say
      for (Handler& handler : handlers_) handler.before = std::signal(handler.number, crashed);
  }
  ~Watch() {
    if (!tile::cpu::has_asan)
      for (const Handler& handler : handlers_) std::signal(handler.number, handler.before);
    {
      const std::lock_guard lock(mutex_);
      ended_ = true;
    }
    changed_.notify_one();
    thread_.join();
  }
  Watch(const Watch&) = delete;

  void begins(const Problem& problem) {
    const std::lock_guard lock(mutex_);
    now_ = problem_text(problem);
    std::snprintf(last_words, sizeof last_words,
                  "%s: crashes; does an index or a count run away?\n  %s\n", stage_.c_str(),
                  now_.c_str());
    ++cases_;
    changed_.notify_one();
  }

 private:
  // May only do what a signal handler may.
  static void crashed(int) {
    const ssize_t ignored = write(STDERR_FILENO, last_words, std::strlen(last_words));
    _exit(ignored < 0 ? 4 : 3);  // neither passed nor failed
  }

  void watch() {
    std::unique_lock lock(mutex_);
    while (!ended_) {
      const int before = cases_;
      const auto moved_on = [&] { return ended_ || cases_ != before; };
      if (changed_.wait_for(lock, patience, moved_on) || cases_ == 0) continue;
      std::fprintf(stderr,
                   "%s: for %d s at one problem; does a loop have no end? Ctrl-C stops it.\n  %s\n",
                   stage_.c_str(), static_cast<int>(patience.count()), now_.c_str());
      changed_.wait(lock, moved_on);
    }
  }

  struct Handler {
    int number;
    void (*before)(int) = SIG_DFL;
  };

  static constexpr std::chrono::seconds patience{15};
  static inline char last_words[400] = "";
  std::string stage_, now_;
  int cases_ = 0;
  bool ended_ = false;
  Handler handlers_[4] = {{SIGSEGV}, {SIGBUS}, {SIGFPE}, {SIGABRT}};
  std::mutex mutex_;
  std::condition_variable changed_;
  std::thread thread_;
};

}  // namespace flash
