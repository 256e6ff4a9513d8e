// How well a known mistake explains an output. Includes Eigen, so for .cpp files only.
#pragma once

#include <string>
#include <vector>

#include "diagnosis/wrong_output.h"

namespace flash {

// A mistake, and a number of keys a tile where it depends on one.
struct Candidate {
  const Mistake* mistake;
  std::int64_t tile;  // 0: that of the kernel's plan
  Sweep sweep;
  std::string name;
  double distance = 0, from_right = 0;  // root mean square, on the first output
  bool fits_lse = false;

  std::int64_t tile_of(const Setting& setting) const {
    return tile == 0 ? setting.plan.tiles.key_rows : tile;
  }
};

// How well a candidate's result fits an output, on some of its rows. Rounding may do the bound to a
// row, more if its values are larger than right. Only rows wrong by several times that tell.
struct Fit {
  std::size_t telling = 0;  // rows
  std::size_t exact = 0;    // of these, explained up to rounding
  std::size_t close = 0;    // up to a few percent of what is wrong
  double moved = 0;         // the largest difference of the candidate from the right result
  double distance = 0, from_right = 0;
  bool fits_lse = false, refuted = false;  // by a number where it has none, or the reverse
  bool is_exact() const { return telling > 0 && share(exact) >= 0.98; }
  bool is_close() const { return telling > 0 && !refuted && share(close) >= 0.98; }
  bool is_open() const { return telling == 0 && !refuted; }  // nothing speaks for or against it

 private:
  double share(std::size_t part) const {
    return static_cast<double>(part) / static_cast<double>(telling);
  }
};

struct Sample {
  const WrongOutput& output;
  Rows rows;
  RowResults<double> actual, right;

  Sample(const WrongOutput& from, double max_flops, std::size_t most)
      : output(from),
        rows(from.some_rows(count(from.tried.problem, max_flops, most))),
        actual(part_of(from.actual, from, rows)),
        right(part_of(from.right, from, rows)) {}

  // Of rows that take at most so many FLOPs, if four do.
  static std::size_t count(const Problem& p, double max_flops, std::size_t most) {
    const auto of_row = static_cast<double>(4 * p.heads * p.head_dim * p.seqlen_k + 1);
    return std::clamp<std::size_t>(static_cast<std::size_t>(max_flops / of_row), 4, most);
  }
};

Fit fit(const Sample& sample, const Candidate& candidate);

// LSE mistakes leave O as it is, so they explain nothing where O is wrong; and the others, which
// change O, do not where it is right.
bool changes_o(const Sample& sample, const Candidate& candidate);

}  // namespace flash
