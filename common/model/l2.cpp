#include "model/l2.h"

#include <algorithm>
#include <functional>
#include <unordered_map>

#include "model/lru.h"
#include "model/share.h"
#include "tile/math.h"

namespace flash::model {
namespace {

using tile::Event;
using tile::HbmPlace;

constexpr int rows_of_a_part = 64;

// Numbers for places in HBM, from 0 on.
class Numbers {
 public:
  std::int32_t of(const HbmPlace& place) {
    return numbers_.try_emplace(place, static_cast<std::int32_t>(numbers_.size())).first->second;
  }
  std::int32_t count() const { return static_cast<std::int32_t>(numbers_.size()); }

 private:
  struct Same {
    bool operator()(const HbmPlace& a, const HbmPlace& b) const {
      return a.view == b.view && a.row == b.row && a.col == b.col;
    }
  };
  struct Hash {
    std::size_t operator()(const HbmPlace& place) const {
      const auto mix = [](std::size_t hash, std::size_t value) {
        return (hash ^ value) * 0x9e3779b97f4a7c15u;
      };
      const std::size_t row = mix(std::hash<const void*>()(place.view), std::size_t(place.row));
      return mix(row >> 7, std::size_t(place.col));
    }
  };
  std::unordered_map<HbmPlace, std::int32_t, Hash, Same> numbers_;
};

void add(const tile::Op& op, Numbers& numbers, std::vector<Move>& moves) {
  HbmPlace part = op.place;
  for (int done = 0; done < op.place.rows; done += rows_of_a_part) {
    const int rows = std::min(rows_of_a_part, op.place.rows - done);
    const std::int64_t bytes = op.bytes * rows / op.place.rows;
    moves.push_back(
        {numbers.of(part), static_cast<std::int32_t>(bytes), op.writes_hbm, op.tensor.index});
    part.row += rows_of_a_part;
  }
}

// A block's moves; a persistent one's by the pieces of work that its roles take in turn, each of
// which begins with its queries.
void add(const tile::BlockRecord& block, bool causal, Numbers& numbers, KernelMoves& kernel) {
  const std::size_t first = kernel.pieces.size();
  std::vector<std::size_t> taken(block.roles.size(), kernel.is_persistent ? 0 : 1);
  for (const Event& event : block.events) {
    std::size_t& piece = taken[event.role];
    if (event.kind == Event::Kind::work) ++piece;
    if (event.op.bytes == 0 || piece == 0) continue;
    if (kernel.pieces.size() < first + piece) kernel.pieces.resize(first + piece);
    Piece& of_kernel = kernel.pieces[first + piece - 1];
    if (causal && kernel.is_persistent && of_kernel.moves.empty()) of_kernel.first_query = -1;
    if (of_kernel.first_query < 0 && event.op.name == "load_async")
      of_kernel.first_query = event.op.place.row;
    add(event.op, numbers, of_kernel.moves);
  }
}

// A piece of work, and how far whoever has it is.
struct Work {
  std::int64_t head;
  const Piece* piece;
  std::size_t done = 0;

  bool has_ended() const { return done == piece->moves.size(); }
};

// In launch order, head after head. Of a persistent kernel the longest of a section first, as
// longest_first() of attention/plan.h has them: under a causal mask the last queries see the most
// keys. Without sections each head's first queries come first.
std::vector<Work> in_order(const KernelMoves& kernel, std::int64_t heads, std::int64_t section) {
  std::vector<Work> order;
  for (std::int64_t head = 0; head < heads; ++head)
    for (const Piece& piece : kernel.pieces) order.push_back({head, &piece});
  const auto place = [&](const Work& work) {
    const std::int64_t query = work.piece->first_query;
    return section > 0 ? std::pair(work.head / section, -query) : std::pair(work.head, query);
  };
  if (kernel.is_persistent) std::ranges::stable_sort(order, {}, place);
  return order;
}

// Calls move(head, Move, round) for each tile, in lock step; returns how many rounds there were.
std::int64_t in_lock_step(const KernelMoves& kernel, std::int64_t heads, std::int64_t section,
                          std::int64_t places, auto&& move) {
  const std::vector<Work> order = in_order(kernel, heads, section);
  auto next = order.begin() + std::min<std::int64_t>(places, std::ssize(order));
  std::vector<Work> at_work(order.begin(), next);
  std::int64_t round = 0;
  for (; !at_work.empty(); ++round) {
    for (Work& work : at_work) {
      while (work.has_ended() && next != order.end()) work = *next++;
      if (!work.has_ended()) move(work.head, work.piece->moves[work.done++], round);
    }
    std::erase_if(at_work,
                  [&](const Work& work) { return work.has_ended() && next == order.end(); });
  }
  return round;
}

// Heads that are simulated, in place of all: they are alike and share no tile, so that each of many
// costs as much as the next. Enough to fill all SMs twice; so many moves take a fraction of a
// second.
std::int64_t simulated_heads(const Moves& moves, std::int64_t heads, std::int64_t places) {
  constexpr std::int64_t most_moves = 20'000'000;
  std::int64_t of_a_head = 1, enough = 1;
  for (const KernelMoves& kernel : moves.kernels) {
    of_a_head += kernel.count();
    enough = std::max(
        enough, 2 * tile::ceil_div(places, std::max<std::int64_t>(std::ssize(kernel.pieces), 1)));
  }
  return std::min(heads, std::max(most_moves / of_a_head, enough));
}

}  // namespace

std::int64_t KernelMoves::count() const {
  std::int64_t all = 0;
  for (const Piece& piece : pieces) all += std::ssize(piece.moves);
  return all;
}

Moves moves_of(std::span<const tile::BlockRecord> blocks, bool causal) {
  Moves moves;
  Numbers numbers;
  for (const KernelBlocks& of_kernel : kernels_of(blocks)) {
    KernelMoves& kernel = moves.kernels.emplace_back();
    kernel.is_persistent = is_persistent(of_kernel.front());
    for (const tile::BlockRecord& block : of_kernel) add(block, causal, numbers, kernel);
  }
  moves.tiles = numbers.count();
  return moves;
}

std::vector<HbmTraffic> hbm_traffic(const Gpu& gpu, const Moves& moves, std::int64_t heads,
                                    const std::vector<int>& resident) {
  const std::int64_t most = gpu.sms * std::ranges::max(resident);
  const std::int64_t simulated = simulated_heads(moves, heads, most);
  Lru cache(gpu.l2_bytes, static_cast<std::size_t>(moves.tiles * simulated), moves.kernels.size());
  std::int64_t rounds = 0;  // of all kernels so far
  for (std::size_t k = 0; k < moves.kernels.size(); ++k)
    rounds += in_lock_step(moves.kernels[k], simulated, moves.section,
                           std::int64_t{gpu.sms} * resident[k],
                           [&](std::int64_t head, const Move& move, std::int64_t round) {
                             const std::int64_t tile = head * moves.tiles + move.tile;
                             cache.move(static_cast<std::size_t>(tile), move, rounds + round, k);
                           });
  std::vector<HbmTraffic> traffic = cache.traffic_at_the_end();
  for (HbmTraffic& of_kernel : traffic)
    of_kernel.bytes *= static_cast<double>(heads) / static_cast<double>(simulated);
  return traffic;
}

}  // namespace flash::model
