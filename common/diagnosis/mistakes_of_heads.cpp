// Whose keys, and whose queries: heads, groups of heads, sequences.
#include <algorithm>

#include "diagnosis/mistakes.h"

namespace flash {
namespace {

bool shares_heads(const Setting& s) {
  return s.problem.kv_heads < s.problem.heads;
}
bool has_heads(const Setting& s) {
  return s.problem.heads > 1;
}
bool has_sequences(const Setting& s) {
  return s.problem.batch > 1;
}

const Mistake table[] = {
    {.name = "query head h reads key head h % kv_heads, not h / (heads / kv_heads)",
     .applies = shares_heads,
     .kv_head = [](const Problem& p, std::int64_t head) { return head % p.kv_heads; }},
    {.name = "every query head reads key head 0",
     .applies = has_heads,
     .kv_head = [](const Problem&, std::int64_t) { return std::int64_t{0}; }},
    {.name = "every head has the answer of head 0",
     .applies = has_heads,
     .kv_head = [](const Problem&, std::int64_t) { return std::int64_t{0}; },
     .q_row =
         [](auto& c) {
           return RowId{c.id.batch, 0, c.id.query};
         }},
    {.name = "every head has the answer of the next head",
     .applies = has_heads,
     .kv_head = [](const Problem& p,
                   std::int64_t head) { return (head + 1) % p.heads / (p.heads / p.kv_heads); },
     .q_row =
         [](auto& c) {
           return RowId{c.id.batch, (c.id.head + 1) % c.problem().heads, c.id.query};
         }},
    {.name = "every head of a group has the answer of its first",
     .applies = shares_heads,
     .q_row =
         [](auto& c) {
           return RowId{c.id.batch, c.id.head / c.group() * c.group(), c.id.query};
         }},
    {.name = "packed row r takes head r / queries and query r % queries of its group",
     .applies = shares_heads,
     .q_row =
         [](auto& c) {
           const std::int64_t queries = c.sequence().q_length, first = c.id.head / c.group();
           return RowId{c.id.batch, first * c.group() + c.packed_row() / queries,
                        c.packed_row() % queries};
         }},
    {.name = "every sequence reads the K and V of the first",
     .applies = has_sequences,
     .kv_batch = [](std::int64_t) { return std::int64_t{0}; }},
    {.name = "keys of the next sequence count: the length is that of the longest",
     .applies = [](const Setting& s) { return s.problem.packed() && !s.problem.causal; },
     .visible =
         [](auto& c) {
           const std::int64_t there = c.problem().total_k() - c.sequence().k_begin;
           return KeyRange{0, std::min(c.problem().seqlen_k, there)};
         }},
};

}  // namespace

std::span<const Mistake> mistakes_of_heads() {
  return table;
}

}  // namespace flash
