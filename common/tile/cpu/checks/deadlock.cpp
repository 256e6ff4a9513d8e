#include "tile/cpu/checks/deadlock.h"

#include <algorithm>
#include <optional>

namespace tile::cpu {
namespace {

constexpr std::string_view full = " full", empty = " empty";

// Of a wait, who should have arrived, and how sure it is that it is at fault.
struct Suspect {
  int certainty = 0;
  std::int64_t later = 0;  // of equally certain ones, what the culprit has done since
  std::string text;
};

std::string join(const std::vector<std::string_view>& names) {
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i)
    text += (i == 0 ? "" : i + 1 == names.size() ? " and " : ", ") + std::string(names[i]);
  return text;
}

class Search {
 public:
  Search(const History& history, const RaceDetector& detector,
         const std::vector<std::string_view>& roles, const std::vector<Wait>& waits)
      : history_(history), detector_(detector), roles_(roles), waits_(waits) {}

  Suspect suspect(const Wait& wait) const {
    if (is_told_of_too_many_bytes(wait))
      return {5, 0, std::string(name(wait.barrier)) + " is told of more bytes than are copied"};
    if (nothing_to_release(wait))
      return {4, 0,
              std::string(roles_[wait.role]) + " waits for the release of " + tile(wait.barrier) +
                  ", and nothing was copied into it" +
                  (fills(wait.barrier).empty() ? "" : " since the last")};
    if (roles_.size() == 1) return {3, 0, "the block itself would have to arrive at " + at(wait)};
    if (const std::vector<int> ended = that(wait, [&](int r) { return !waits_for(r); });
        !ended.empty())
      return {3, 0,
              clause(ended, wait,
                     ended.size() == 1 ? "has ended and never arrives"
                                       : "have ended and never arrive")};
    if (const std::vector<int> next = that(wait, [&](int r) { return wants_next(r, wait); });
        !next.empty())
      return {2, 0, never(next, wait)};
    if (barrier(wait.barrier).is_named) return turn(wait);
    const std::vector<int> late = that(wait, [&](int r) { return later(r, wait) > 0; });
    if (late.empty()) return {};
    std::int64_t most = 0;
    for (const int role : late) most = std::max(most, later(role, wait));
    return {0, most, never(late, wait)};
  }

 private:
  using Step = History::Step;

  const History::Barrier& barrier(int b) const { return history_.barriers()[b]; }
  std::string_view name(int b) const { return barrier(b).name; }
  bool is(int b, std::string_view kind) const { return name(b).find(kind) != name(b).npos; }
  std::string family(int b) const { return std::string(name(b).substr(0, name(b).find('['))); }
  std::string of_kind(int b, std::string_view kind) const {
    std::string text(name(b));
    const std::string_view old = is(b, full) ? full : empty;
    return text.replace(text.find(old), old.size(), kind);
  }
  std::string tile(int b) const { return of_kind(b, ""); }

  std::string at(const Wait& wait) const {
    return std::string(name(wait.barrier)) +
           (wait.phase > 0 ? " in phase " + std::to_string(wait.phase) : "");
  }

  const Wait* waits_for(int role) const {
    const auto found = std::find_if(waits_.begin(), waits_.end(),
                                    [&](const Wait& wait) { return wait.role == role; });
    return found == waits_.end() ? nullptr : &*found;
  }

  // The places in the history where a role (-1: any) arrived at a barrier that is chosen.
  template <class Chosen>
  std::vector<std::size_t> arrivals(int role, const Chosen& chosen) const {
    std::vector<std::size_t> found;
    for (std::size_t i = 0; i < history_.steps().size(); ++i) {
      const Step& step = history_.steps()[i];
      if (step.arrives() && (role < 0 || step.role == role) && chosen(step)) found.push_back(i);
    }
    return found;
  }

  std::vector<std::size_t> at_barrier(int role, std::string_view object) const {
    return arrivals(role, [&](const Step& step) { return step.object == object; });
  }
  std::vector<std::size_t> fills(int b) const { return at_barrier(-1, of_kind(b, full)); }

  bool has_arrived(int role, const Wait& wait) const {
    return !arrivals(role, [&](const Step& step) {
              return step.barrier == wait.barrier && step.phase == wait.phase;
            }).empty();
  }

  bool is_told_of_too_many_bytes(const Wait& wait) const {
    return static_cast<std::int64_t>(at_barrier(-1, name(wait.barrier)).size()) >=
           barrier(wait.barrier).arrivals * (wait.phase + 1);
  }

  bool nothing_to_release(const Wait& wait) const {
    if (!is(wait.barrier, empty)) return false;
    const bool is_of_ring = std::any_of(
        history_.barriers().begin(), history_.barriers().end(),
        [&](const History::Barrier& other) { return other.name == of_kind(wait.barrier, full); });
    return is_of_ring && static_cast<std::int64_t>(fills(wait.barrier).size()) <= wait.phase;
  }

  // The roles that arrived in a way, but for those that have arrived at this phase.
  template <class Arrived>
  std::vector<int> missing(const Wait& wait, const Arrived& arrived) const {
    std::vector<int> found;
    for (int role = 0; role < static_cast<int>(roles_.size()); ++role)
      if (arrived(role) && !has_arrived(role, wait)) found.push_back(role);
    return found;
  }

  // Who should arrive: who did before, or has read the tile; else who arrives at such barriers.
  std::vector<int> expected(const Wait& wait) const {
    const int b = wait.barrier;
    const std::string_view kind = is(b, full) ? full : is(b, empty) ? empty : "";
    const std::vector<int> readers =
        kind == empty ? detector_.readers(tile(b)) : std::vector<int>();
    std::vector<int> found = missing(wait, [&](int role) {
      return !at_barrier(role, name(b)).empty() || std::ranges::count(readers, role) > 0;
    });
    const auto by = [&](const auto& chosen) {
      if (found.empty())
        found = missing(wait, [&](int role) { return !arrivals(role, chosen).empty(); });
    };
    by([&](const Step& step) { return family(step.barrier) == family(b); });
    by([&](const Step& step) {
      return kind.empty() ? barrier(step.barrier).is_named : is(step.barrier, kind);
    });
    if (found.empty()) found = missing(wait, [&](int role) { return role != wait.role; });
    return found;
  }

  template <class Condition>
  std::vector<int> that(const Wait& wait, const Condition& condition) const {
    std::vector<int> roles = expected(wait);
    std::erase_if(roles, [&](int role) { return !condition(role); });
    return roles;
  }

  // It waits for the next tile in the slot that it should release.
  bool wants_next(int role, const Wait& wait) const {
    const Wait* other = waits_for(role);
    return other && is(wait.barrier, empty) && other->phase > wait.phase &&
           name(other->barrier) == of_kind(wait.barrier, full);
  }

  // A reader: the tiles that it released since and that were filled later. The one that fills: what
  // it filled since it could have filled this.
  std::int64_t later(int role, const Wait& wait) const {
    const bool reads = is(wait.barrier, empty);
    if (!reads && !is(wait.barrier, full)) return 0;
    const std::vector<std::size_t> filled = fills(wait.barrier);
    const std::vector<std::size_t> mine = arrivals(role, [&](const Step& step) {
      return reads ? is(step.barrier, empty) : family(step.barrier) == family(wait.barrier);
    });
    if (reads)
      return std::count_if(mine.begin(), mine.end(), [&](std::size_t i) {
        const std::vector<std::size_t> other = fills(history_.steps()[i].barrier);
        const auto end = std::lower_bound(other.begin(), other.end(), i);
        return end != other.begin() && !filled.empty() && *(end - 1) > filled.back();
      });
    const std::vector<std::size_t> freed = at_barrier(-1, of_kind(wait.barrier, empty));
    const std::size_t since =
        std::max(mine.empty() ? 0 : mine.back(), freed.empty() ? 0 : freed.back());
    const auto all = arrivals(role, [&](const Step& step) { return is(step.barrier, full); });
    return all.end() - std::upper_bound(all.begin(), all.end(), since);
  }

  // Who has been through a tile has had its turn; who has not may wait for the other's.
  Suspect turn(const Wait& wait) const {
    const std::vector<int> never_here = that(wait, [&](int role) {
      return at_barrier(role, name(wait.barrier)).empty() &&
             !arrivals(role, [&](const Step& step) { return is(step.barrier, empty); }).empty();
    });
    if (!never_here.empty()) return {2, -1, never(never_here, wait)};
    const std::vector<int> others = expected(wait);
    const Wait* other = others.size() == 1 ? waits_for(others[0]) : nullptr;
    if (!other || !barrier(other->barrier).is_named || expected(*other) != std::vector{wait.role})
      return {};
    return {1, 0,
            std::string(roles_[wait.role]) + " waits at " + at(wait) + " for " +
                std::string(roles_[other->role]) + ", which waits at " + at(*other) + " for " +
                std::string(roles_[wait.role])};
  }

  std::string clause(const std::vector<int>& culprits, const Wait& wait,
                     std::string_view what) const {
    std::vector<std::string_view> names;
    for (const int role : culprits) names.push_back(roles_[role]);
    const bool is_unread = is(wait.barrier, empty) && detector_.readers(tile(wait.barrier)).empty();
    return join(names) + " " + std::string(what) + " at " + at(wait) +
           (is_unread ? ", and nobody has read " + tile(wait.barrier) : "");
  }
  std::string never(const std::vector<int>& culprits, const Wait& wait) const {
    return clause(culprits, wait, culprits.size() == 1 ? "never arrives" : "never arrive");
  }

  const History& history_;
  const RaceDetector& detector_;
  const std::vector<std::string_view>& roles_;
  const std::vector<Wait>& waits_;
};

}  // namespace

std::string cause_of_deadlock(const History& history, const RaceDetector& detector,
                              const std::vector<std::string_view>& roles,
                              const std::vector<Wait>& waits) {
  const Search search(history, detector, roles, waits);
  std::optional<Suspect> first;
  for (const Wait& wait : waits) {
    if (wait.barrier < 0) continue;
    Suspect suspect = search.suspect(wait);
    const bool is_surer = !first || suspect.certainty > first->certainty ||
                          (suspect.certainty == first->certainty && suspect.later > first->later);
    if (!suspect.text.empty() && is_surer) first = std::move(suspect);
  }
  return first ? first->text : "";
}

}  // namespace tile::cpu
