#include "diagnosis/where.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <set>
#include <vector>

#include "check/errors.h"

namespace flash {
namespace {

using Number = std::int64_t;

// Something that rows, heads, sequences or columns may have in common.
template <class Item>
struct Property {
  std::string words;
  std::function<bool(const Item&)> holds;
};

template <class Item>
struct Marked {
  Item item;
  bool wrong;
};

// The first property that all wrong items have, and of the others as few as may be: almost none,
// or, with "some of", at most half of those that have it. Empty if none tells.
template <class Item>
std::string common_property(const std::vector<Marked<Item>>& items,
                            const std::vector<Property<Item>>& properties) {
  const auto wrong = std::ranges::count_if(items, [](const auto& i) { return i.wrong; });
  const auto size = static_cast<Number>(items.size());
  if (wrong == size || wrong == 0) return "";
  const Property<Item>* best = nullptr;
  double best_share = 0;
  for (const Property<Item>& property : properties) {
    Number having = 0, wrong_ones = 0;
    for (const auto& [item, is_wrong] : items) {
      if (!property.holds(item)) continue;
      ++having;
      wrong_ones += is_wrong;
    }
    if (wrong_ones < wrong || having == size) continue;
    const double share = static_cast<double>(wrong) / static_cast<double>(having);
    if (share > best_share + 0.1 || (share == 1 && best_share < 1))
      best = &property, best_share = share;
  }
  if (best_share >= 0.9) return best->words;
  return best_share >= 0.5 ? "some " + best->words : "";
}

std::string text(Number number) {
  return std::to_string(number);
}

constexpr Number tile_sizes[] = {128, 64, 32, 16, 8};

// ---- rows

bool sees_none(const RowContext& c) {
  return c.visible().size() == 0;
}

Number diagonal_in_tile(const RowContext& c, Number tile) {
  const Number end = c.id.query + c.diagonal() + 1;
  return end <= 0 || end > c.sequence().k_length ? 0 : end % tile;
}

void add_tile_properties(std::vector<Property<RowContext>>& list, Number tile) {
  const std::string of_tile = " row of each tile of " + text(tile);
  list.push_back({"the first" + of_tile, [=](auto& c) { return c.id.query % tile == 0; }});
  list.push_back({"the last" + of_tile, [=](auto& c) { return c.id.query % tile == tile - 1; }});
  list.push_back({"the second half of each tile of " + text(tile) + " rows",
                  [=](auto& c) { return c.id.query % tile >= tile / 2; }});
  list.push_back({"the first half of each tile of " + text(tile) + " rows",
                  [=](auto& c) { return c.id.query % tile < tile / 2; }});
  list.push_back({"rows past the last multiple of " + text(tile), [=](auto& c) {
                    const Number queries = c.sequence().q_length;
                    return queries % tile != 0 && c.id.query >= queries / tile * tile;
                  }});
}

void add_key_properties(std::vector<Property<RowContext>>& list, Number tile) {
  const std::string keys = " tile of " + text(tile) + " keys";
  list.push_back(
      {"rows that see more than one" + keys, [=](auto& c) { return c.visible().end > tile; }});
  list.push_back({"rows whose diagonal is inside a" + keys,
                  [=](auto& c) { return c.problem().causal && diagonal_in_tile(c, tile) != 0; }});
  list.push_back({"rows whose diagonal ends a" + keys, [=](auto& c) {
                    return c.problem().causal && (c.id.query + c.diagonal() + 1) % tile == 0;
                  }});
  list.push_back({"rows that see keys past the last whole" + keys, [=](auto& c) {
                    const Number length = c.sequence().k_length;
                    return length % tile != 0 && c.visible().end > length / tile * tile;
                  }});
  list.push_back(
      {"rows that see less than a" + keys, [=](auto& c) { return c.visible().end < tile; }});
}

std::vector<Property<RowContext>> row_properties(const WrongOutput& output, Number first,
                                                 Number last) {
  std::vector<Property<RowContext>> list = {
      {"rows that see no key", sees_none},
      {"row 0", [=](auto& c) { return c.id.query == 0; }},
      {"the last row", [](auto& c) { return c.id.query == c.sequence().q_length - 1; }}};
  const auto [d, rows, keys] = output.setting.plan.tiles;
  const bool one = first == last;
  if (first > 0 && !one)
    list.push_back(
        {"rows from " + text(first) + " on", [=](auto& c) { return c.id.query >= first; }});
  add_tile_properties(list, rows);
  list.push_back({"row " + text(first), [=](auto& c) { return one && c.id.query == first; }});
  list.push_back({"rows up to " + text(last), [=](auto& c) { return c.id.query <= last; }});
  add_key_properties(list, keys);
  for (const Number tile : tile_sizes) add_tile_properties(list, tile);
  for (const Number tile : tile_sizes)
    if (tile != keys) add_key_properties(list, tile);
  list.push_back(
      {"rows that see all keys", [](auto& c) { return c.visible().end == c.sequence().k_length; }});
  if (first > 0)
    list.push_back({"rows " + text(first) + " to " + text(last),
                    [=](auto& c) { return c.id.query >= first && c.id.query <= last; }});
  list.push_back({"rows that see a key", [](auto& c) { return c.visible().size() > 0; }});
  return list;
}

std::string wrong_rows(const WrongOutput& output, const std::set<Number>& heads,
                       const std::set<Number>& batches) {
  std::vector<Marked<RowContext>> items;
  Number first = -1, last = -1;
  for (std::size_t row = 0; row < output.ids.size(); ++row) {
    const RowId& id = output.ids[row];
    if (!heads.contains(id.head) || !batches.contains(id.batch)) continue;
    const RowContext context{output.setting, id, output.setting.plan.tiles.key_rows};
    items.push_back({context, output.wrong[row] != 0});
    if (!output.wrong[row]) continue;
    first = first < 0 ? id.query : std::min(first, id.query);
    last = std::max(last, id.query);
  }
  return common_property(items, row_properties(output, first, last));
}

// ---- heads, sequences, columns

std::vector<Marked<Number>> marked(Number size, const std::set<Number>& wrong) {
  std::vector<Marked<Number>> items;
  for (Number i = 0; i < size; ++i) items.push_back({i, wrong.contains(i)});
  return items;
}

std::string list_of(const std::set<Number>& numbers) {
  std::string list;
  for (const Number number : numbers) list += (list.empty() ? "" : ", ") + text(number);
  return list;
}

std::string wrong_heads(const Problem& p, const std::set<Number>& wrong) {
  const Number group = p.heads / p.kv_heads;
  std::vector<Property<Number>> list = {
      {"head 0", [](Number h) { return h == 0; }},
      {"heads other than 0", [](Number h) { return h != 0; }},
      {"the first heads of their groups", [=](Number h) { return h % group == 0; }},
      {"heads that are not the first of their group", [=](Number h) { return h % group != 0; }},
      {"heads of the first group", [=](Number h) { return h < group; }},
      {"heads of other groups than the first", [=](Number h) { return h >= group; }},
      {"odd heads", [](Number h) { return h % 2 == 1; }},
      {"even heads", [](Number h) { return h % 2 == 0; }},
      {(wrong.size() == 1 ? "head " : "heads ") + list_of(wrong),
       [&](Number h) { return wrong.contains(h); }}};
  if (group == 1)
    std::erase_if(list,
                  [](auto& property) { return property.words.find("group") != std::string::npos; });
  return common_property(marked(p.heads, wrong), list);
}

std::string wrong_sequences(const Problem& p, const std::set<Number>& wrong,
                            const std::set<Number>& there) {
  std::vector<Property<Number>> list = {
      {"the first sequence", [](Number b) { return b == 0; }},
      {"sequences other than the first", [](Number b) { return b != 0; }},
      {"sequences shorter than the longest",
       [&](Number b) { return p.sequence(b).q_length < p.seqlen_q; }},
      {"sequences with fewer keys than the longest",
       [&](Number b) { return p.sequence(b).k_length < p.seqlen_k; }},
      {"sequences without keys", [&](Number b) { return p.sequence(b).k_length == 0; }},
      {(wrong.size() == 1 ? "sequence " : "sequences ") + list_of(wrong),
       [&](Number b) { return wrong.contains(b); }}};
  std::vector<Marked<Number>> items = marked(p.batch, wrong);
  std::erase_if(items, [&](auto& i) { return !there.contains(i.item); });
  return common_property(items, list);
}

std::string wrong_columns(Number columns, const std::set<Number>& wrong) {
  if (wrong.empty()) return "";
  const Number first = *wrong.begin(), last = *wrong.rbegin();
  std::vector<Property<Number>> list = {
      {"column " + text(first), [=](Number c) { return c == first && first == last; }},
      {"columns from " + text(first) + " on", [=](Number c) { return c >= first; }},
      {"columns up to " + text(last), [=](Number c) { return c <= last; }},
      {"odd columns", [](Number c) { return c % 2 == 1; }},
      {"even columns", [](Number c) { return c % 2 == 0; }}};
  for (const Number tile : {4, 8, 16, 32}) {
    for (Number i = 0; i < tile; ++i)
      list.push_back({"columns " + text(i) + " of every " + text(tile),
                      [=](Number c) { return c % tile == i; }});
    list.push_back({"the second half of every " + text(tile) + " columns",
                    [=](Number c) { return c % tile >= tile / 2; }});
    list.push_back({"the first half of every " + text(tile) + " columns",
                    [=](Number c) { return c % tile < tile / 2; }});
  }
  list.push_back({"columns " + text(first) + " to " + text(last),
                  [=](Number c) { return c >= first && c <= last; }});
  return common_property(marked(columns, wrong), list);
}

}  // namespace

std::string where_wrong(const WrongOutput& output) {
  std::set<Number> heads, batches, there, columns;
  const Number d = output.columns();
  for (std::size_t row = 0; row < output.ids.size(); ++row) {
    there.insert(output.ids[row].batch);
    if (!output.wrong[row]) continue;
    heads.insert(output.ids[row].head);
    batches.insert(output.ids[row].batch);
    const double bound = output.sees_keys(row) ? output.bound() : 0;
    for (Number c = 0; c < d; ++c) {
      const std::size_t i = row * d + c;
      if (!(error(output.of(output.actual)[i], output.of(output.right)[i]) <= bound))
        columns.insert(c);
    }
  }
  if (heads.empty()) return "";
  std::string words;
  const auto add = [&](const std::string& part) {
    if (!part.empty()) words += (words.empty() ? "only " : "; ") + part;
  };
  add(wrong_sequences(output.tried.problem, batches, there));
  add(wrong_heads(output.tried.problem, heads));
  add(wrong_rows(output, heads, batches));
  if (!output.of_lse) add(wrong_columns(d, columns));
  const auto wrong = std::ranges::count(output.wrong, 1);
  const bool all = wrong * 10 >= static_cast<Number>(output.wrong.size()) * 9;
  return words.empty() ? (all ? "everywhere" : "in rows without a pattern") : words;
}

}  // namespace flash
