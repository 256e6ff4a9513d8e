#include "bench/cases/measure_cases.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>

#include "bench/cases/entry.h"
#include "bench/peaks.h"
#include "bench/read_memory.h"
#include "tile/cpu/thread_pool.h"

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

using CacheReaders = std::map<int, std::unique_ptr<CacheReader>>;  // by threads

// One for each number of threads that a case with a cache has; they read the largest.
CacheReaders readers_of(const Group& group, const Entries& entries) {
  const auto smaller = [](const auto& a, const auto& b) {
    return a->cache().k.size() < b->cache().k.size();
  };
  const KvCache& largest = (*std::ranges::max_element(entries, smaller))->cache();
  CacheReaders readers;
  for (const Case& c : group.cases)
    if (c.cache && !readers.contains(c.threads))
      readers[c.threads] = std::make_unique<CacheReader>(largest, c.threads);
  return readers;
}

// Operations on registers alone, in a number of threads.
class Chained {
 public:
  Chained(const Chains& chains, int threads) : chains_(chains), pool_(threads), threads_(threads) {}

  void run() {
    pool_.run([this](int) { chains_.run(); });
  }
  double flops() const { return chains_.flops * threads_; }

 private:
  Chains chains_;
  tile::cpu::ThreadPool pool_;
  int threads_;
};

struct Ceilings {
  int threads;
  std::unique_ptr<Chained> fma, bf16;  // null: none
};

// One for each number of threads of a case that is compared with a peak.
std::vector<Ceilings> ceilings_of(const Group& group) {
  std::vector<Ceilings> ceilings;
  for (const Case& c : group.cases) {
    const bool wanted = c.against == Against::fma_peak || c.against == Against::bf16_peak;
    const auto same = [&](const Ceilings& other) { return other.threads == c.threads; };
    if (!wanted || std::ranges::any_of(ceilings, same)) continue;
    ceilings.push_back({c.threads, std::make_unique<Chained>(fma_chains(), c.threads), nullptr});
    if (bf16_dot_chains().flops > 0)
      ceilings.back().bf16 = std::make_unique<Chained>(bf16_dot_chains(), c.threads);
  }
  return ceilings;
}

// The entries that are right, then the readers.
std::vector<Contender> contenders_of(const Group& group, const Entries& entries,
                                     const CacheReaders& readers,
                                     const std::function<void()>& evict) {
  std::vector<Contender> contenders;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (!entries[i]->failure().empty()) continue;
    contenders.push_back({[&entry = *entries[i]] { entry.run(); }});
    if (group.cases[i].cache) contenders.back().prepare = evict;
  }
  for (const auto& [threads, reader] : readers)
    contenders.push_back({[&reader = *reader] { reader.run(); }, evict});
  return contenders;
}

}  // namespace

GroupResult measure_cases(const Group& group, const BenchOptions& options,
                          const std::vector<Stage>& stages) {
  Entries entries;
  for (const Case& c : group.cases)
    entries.push_back(std::make_unique<Entry>(c, stages, options.seed));
  CacheReaders readers;
  if (!options.bare) readers = readers_of(group, entries);
  std::optional<Evictor> evictor;
  std::function<void()> evict;
  if (!readers.empty()) {
    evictor.emplace(readers.rbegin()->first);
    evict = [&] { evictor->run(); };
  }

  std::vector<Contender> contenders = contenders_of(group, entries, readers, evict);
  std::vector<Ceilings> ceilings;
  if (!options.bare) ceilings = ceilings_of(group);
  for (const Ceilings& c : ceilings)
    for (Chained* chains : {c.fma.get(), c.bf16.get()})
      if (chains) contenders.push_back({[chains] { chains->run(); }});
  const std::vector<std::vector<double>> seconds = take_turns(contenders, options.pace);
  GroupResult result{group, {}};
  auto next = seconds.begin();
  for (const std::unique_ptr<Entry>& entry : entries) {
    result.results.push_back({entry->check(), entry->failure(), {}, std::move(entry->outputs())});
    if (entry->failure().empty()) result.results.back().seconds = spread(*next++);
  }
  for (const auto& [threads, reader] : readers)
    result.read_gbs[threads] = reader->bytes() / median(*next++) * 1e-9;
  const auto gflops = [&](const auto& chains) {
    return chains ? chains->flops() / median(*next++) * 1e-9 : 0;
  };
  for (const Ceilings& c : ceilings) {
    result.ceilings[c.threads].fma_gflops = gflops(c.fma);
    result.ceilings[c.threads].bf16_gflops = gflops(c.bf16);
  }
  return result;
}

}  // namespace flash
