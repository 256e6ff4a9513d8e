// A block of the grid on a CPU core: its place, its on-chip memory, and what checked mode knows of
// both.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "tile/aligned.h"
#include "tile/counters.h"
#include "tile/cpu/checks/async_products.h"
#include "tile/cpu/checks/history.h"
#include "tile/cpu/checks/race_detector.h"
#include "tile/cpu/scheduler.h"
#include "tile/device.h"
#include "tile/dtype.h"
#include "tile/error.h"
#include "tile/gpu.h"
#include "tile/op.h"
#include "tile/record.h"

namespace tile::cpu {

// On-chip memory that nothing wrote holds this pattern in checked mode, and workspace always: a NaN
// that no arithmetic makes.
inline constexpr std::uint32_t unwritten = 0x7fadbeefu;

enum class Space : std::uint8_t { shared, registers };

template <int Rows, int Cols>
struct LeftTile;
template <int Rows, int Cols>
struct RightTile;
template <int Rows, int Cols>
struct Accumulator;
template <int Rows, int Cols>
struct Operand;
template <int Rows, int Cols, int Slices>
struct SharedTile;
template <int Rows, int Cols>
struct SharedSums;
template <int Rows>
struct RowVector;
template <int Cols>
struct ColumnVector;
template <int Cols>
struct SharedVector;
class Barrier;
class NamedBarrier;

// What a core keeps from one launch to the next: on-chip memory, and the stacks of the roles.
struct Core {
  AlignedBuffer<float> storage;
  Scheduler scheduler;
  const std::atomic<bool>* failed = nullptr;  // whether a block of the launch has
  bool alone = false;                         // no other core is at work on the launch
};

// One thread runs blocks one after another in the same object.
class Block {
 public:
  template <int Rows, int Cols>
  using LeftTile = cpu::LeftTile<Rows, Cols>;
  template <int Rows, int Cols>
  using RightTile = cpu::RightTile<Rows, Cols>;
  template <int Rows, int Cols>
  using Accumulator = cpu::Accumulator<Rows, Cols>;
  template <int Rows, int Cols>
  using Operand = cpu::Operand<Rows, Cols>;
  template <int Rows, int Cols, int Slices>
  using SharedTile = cpu::SharedTile<Rows, Cols, Slices>;
  template <int Rows, int Cols>
  using SharedSums = cpu::SharedSums<Rows, Cols>;
  template <int Rows>
  using RowVector = cpu::RowVector<Rows>;
  template <int Cols>
  using ColumnVector = cpu::ColumnVector<Cols>;
  template <int Cols>
  using SharedVector = cpu::SharedVector<Cols>;
  using Barrier = cpu::Barrier;
  using NamedBarrier = cpu::NamedBarrier;

  // `dtype` is that of the elements in shared memory; `work` hands out the pieces of work of a
  // persistent kernel.
  Block(Core& core, const Gpu& gpu, std::string_view kernel, DType dtype, bool checked,
        std::uint64_t schedule, std::function<std::int64_t()> work)
      : core_(core),
        gpu_(gpu),
        kernel_(kernel),
        dtype_(dtype),
        checked_(checked),
        schedule_(schedule),
        take_work_(std::move(work)) {}

  // The place in the grid; x varies fastest.
  GridIndex position() const { return position_; }
  DType dtype() const { return dtype_; }
  int element_bytes() const { return size_in_bytes(dtype_); }
  bool checked() const { return checked_; }
  Counters& counters() { return counters_; }

  // The type in which a product takes its left operand from registers. FP8 attention's is P, whose
  // elements lie in [0, 1]: there E4M3's third bit of mantissa counts, and E5M2's range does not.
  DType operand_type() const { return dtype_ == DType::e5m2 ? DType::e4m3 : dtype_; }

  void count(const Op& op, std::string_view tile = {}) {
    if (record_)
      record(product_is_asynchronous_ ? Event::Kind::product : Event::Kind::op, op, tile);
    counters_.flops += op.flops;
    counters_.exponentials += op.exponentials;
    if (op.bytes > 0)
      (op.writes_hbm ? counters_.hbm_write : counters_.hbm_read)[op.tensor] += op.bytes;
  }

  // Recording: what this block does is appended to `record`, until the next begin().
  void begin(GridIndex position, std::int64_t index, BlockRecord* record = nullptr);
  bool recording() const { return record_ != nullptr; }
  void record(Event::Kind kind, std::int64_t amount, int barrier = -1) {
    if (record_) record_event({.kind = kind, .amount = amount}, barrier);
  }
  int record_barrier(std::string_view name, int arrivals);

  // The products that are counted until the end of its life are issued, and not waited for.
  class Asynchronous {
   public:
    explicit Asynchronous(Block& block) : block_(block) { block_.product_is_asynchronous_ = true; }
    ~Asynchronous() { block_.product_is_asynchronous_ = false; }

   private:
    Block& block_;
  };

  // Storage for a tile until the end of the block. It counts at the size that its elements have on
  // a GPU, whatever the CPU stores them as and in however many floats.
  float* allocate(std::string_view tile, Space space, std::int64_t elements, int element_bytes,
                  std::int64_t floats);

  // A name that is made up, for as long as the launch; "label what[i]".
  std::string_view named(std::string name) { return *names_.insert(std::move(name)).first; }
  std::string_view numbered(std::string_view label, std::string_view what, std::size_t i);

  // A persistent kernel's n-th piece of work, first come first served among the blocks; -1 when
  // there is none left. All roles get the same.
  std::int64_t work(std::size_t n) {
    while (work_.size() <= n) work_.push_back(take_work_());
    record(Event::Kind::work, work_[n]);
    return work_[n];
  }

  RaceDetector& race_detector() { return race_detector_; }
  Scheduler& scheduler() { return core_.scheduler; }
  AsyncProducts& async_products() { return async_products_; }
  History& history() { return history_; }
  // Another block has failed, so that what this one waits for may never come.
  bool is_abandoned() const { return core_.failed && *core_.failed; }
  // Nobody else is at work: what is not there now never comes.
  bool is_alone() const { return core_.alone; }
  int role() const { return std::max(core_.scheduler.current(), 0); }

  // Until `signal` has completed `times` phases; a block without roles fails if it never will.
  void wait(const Signal& signal, std::int64_t times);

  // Runs the roles of the block, at most RaceDetector::max_roles, to their ends.
  void run(std::vector<Role> roles);

  void require_no_hazard(const std::string& hazard) const {
    if (!hazard.empty()) fail(hazard);
  }

  // With the steps that led to it, in checked mode.
  [[noreturn]] void fail(std::string_view what) const { fail(what, {}); }

 private:
  void record(Event::Kind kind, const Op& op, std::string_view tile);
  void record_event(Event event, int barrier);
  void record_converted(std::string_view tile);

  struct Allocation {
    std::string_view tile;
    Space space;
    std::int64_t bytes;
    bool converted = false;  // from an accumulator, and the record knows
  };

  [[noreturn]] void fail(std::string_view what, const std::vector<Wait>& waits) const;

  // With its first cause before all that waits.
  [[noreturn]] void fail(const Deadlock& deadlock, std::string_view what) const;

  void enforce_capacity(Space space) const;

  // Every tile together is at most a float for each byte of capacity, and half as much again for
  // the padding of right tiles.
  float* storage();

  Core& core_;
  const Gpu& gpu_;
  std::string_view kernel_;
  DType dtype_;
  bool checked_;
  std::uint64_t schedule_;
  std::function<std::int64_t()> take_work_;
  std::vector<std::int64_t> work_;
  BlockRecord* record_ = nullptr;
  bool product_is_asynchronous_ = false;
  RaceDetector race_detector_;
  AsyncProducts async_products_;
  History history_;
  std::set<std::string> names_;
  GridIndex position_{};
  Counters counters_;
  std::vector<Allocation> tiles_;
  std::array<std::int64_t, 2> used_bytes_{};
  std::int64_t used_floats_ = 0;
};

}  // namespace tile::cpu
