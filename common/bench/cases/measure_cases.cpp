#include "bench/cases/measure_cases.h"

#include <algorithm>
#include <memory>

#include "bench/cases/entry.h"
#include "bench/read_memory.h"

namespace flash {
namespace {

using Entries = std::vector<std::unique_ptr<Entry>>;

// Reads the keys and values of a cache, and does nothing else.
class CacheReader {
 public:
  CacheReader(const KvCache& cache, int threads) : cache_(cache), readers_(threads) {}

  void run() {
    readers_.read(cache_.k);
    readers_.read(cache_.v);
  }
  double bytes() const { return static_cast<double>(cache_.k.size() + cache_.v.size()); }

 private:
  const KvCache& cache_;
  Readers readers_;
};

// One for each number of threads that a case with a cache has; they read the largest.
std::map<int, std::unique_ptr<CacheReader>> readers_of(const Group& group, const Entries& entries) {
  const auto smaller = [](const auto& a, const auto& b) {
    return a->cache().k.size() < b->cache().k.size();
  };
  const KvCache& largest = (*std::ranges::max_element(entries, smaller))->cache();
  std::map<int, std::unique_ptr<CacheReader>> readers;
  for (const Case& c : group.cases)
    if (c.cache && !readers.contains(c.threads))
      readers[c.threads] = std::make_unique<CacheReader>(largest, c.threads);
  return readers;
}

}  // namespace

GroupResult measure_cases(const Group& group, const BenchOptions& options,
                          const std::vector<Stage>& stages) {
  GroupResult result{group, std::vector<CaseResult>(group.cases.size())};
  Entries entries;
  for (const Case& c : group.cases)
    entries.push_back(std::make_unique<Entry>(c, stages, options.seed));

  std::map<int, std::unique_ptr<CacheReader>> readers;
  if (!options.bare) readers = readers_of(group, entries);
  std::unique_ptr<Evictor> evictor;
  if (!readers.empty()) evictor = std::make_unique<Evictor>(readers.rbegin()->first);
  const std::function<void()> evict = [&] { evictor->run(); }, as_it_is;

  std::vector<Contender> contenders;
  for (std::size_t i = 0; i < entries.size(); ++i)
    if (entries[i]->failure().empty())
      contenders.push_back({[&entry = *entries[i]] { entry.run(); },
                            group.cases[i].cache && evictor ? evict : as_it_is});
  for (const auto& [threads, reader] : readers)
    contenders.push_back({[&reader = *reader] { reader.run(); }, evict});

  const std::vector<std::vector<double>> seconds = take_turns(contenders, options.pace);
  auto next = seconds.begin();
  for (std::size_t i = 0; i < entries.size(); ++i) {
    CaseResult& r = result.results[i];
    r = {entries[i]->check(), entries[i]->failure(), {}, std::move(entries[i]->outputs())};
    if (r.failure.empty()) r.seconds = spread(*next++);
  }
  for (const auto& [threads, reader] : readers)
    result.read_gbs[threads] = reader->bytes() / median(*next++) * 1e-9;
  return result;
}

}  // namespace flash
