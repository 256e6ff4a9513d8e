#include "io/safetensors_header.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <utility>
#include <vector>

namespace flash {
namespace {

using nlohmann::json;

// {"q": {"shape": [1]}} is as deep as a header goes.
constexpr int deepest = 3;

// JSON's own notation keeps any name or value on one line of ASCII.
std::string quote(const json& value) {
  constexpr std::size_t longest = 60;
  std::string text = value.dump(-1, ' ', true);
  if (text.size() > longest) text.replace(longest, std::string::npos, "...");
  return text;
}

// What a message about one tensor begins with.
struct Place {
  std::string_view file;
  std::string tensor;  // quoted

  [[noreturn]] void fail(const std::string& defect) const {
    bad_input_file(file, "tensor " + tensor + ": " + defect);
  }
};

// Refuses, while the text is parsed, what the parsed value would not show: a key that occurs twice.
// Bounds the nesting as well.
class Rules {
 public:
  explicit Rules(std::string_view file) : place_{file, ""} {}

  bool check(int depth, json::parse_event_t event, const json& parsed) {
    using Event = json::parse_event_t;
    if (event == Event::object_start || event == Event::array_start) open(depth);
    if (event == Event::key) add_key(depth, parsed);
    return true;
  }

 private:
  void open(int depth) {
    if (depth >= deepest)
      bad_input_file(place_.file, "header is nested deeper than " + std::to_string(deepest) +
                                      " levels, expected {name: {dtype, shape, data_offsets}}");
    keys_[depth].clear();
  }

  // A key's depth counts the object that it stands in.
  void add_key(int depth, const json& key) {
    const bool is_new = keys_[depth - 1].insert(key.get<std::string>()).second;
    if (depth == 1) place_.tensor = quote(key);
    if (!is_new && depth == 1) place_.fail("occurs twice in the header, expected once");
    if (!is_new) place_.fail("field " + quote(key) + " occurs twice, expected once");
  }

  Place place_;                          // the tensor being read
  std::set<std::string> keys_[deepest];  // of the object that is open at each depth
};

json parse_json(std::string_view text, std::string_view file) {
  if (text.empty() || text.front() != '{') bad_input_file(file, "header does not begin with '{'");
  // The parser takes a zero byte for the end of the text.
  if (const auto zero = text.find('\0'); zero != text.npos)
    bad_input_file(file, "header has a zero byte at " + std::to_string(zero) + ", expected JSON");
  Rules rules(file);
  try {
    return json::parse(text, [&](int depth, json::parse_event_t event, const json& parsed) {
      return rules.check(depth, event, parsed);
    });
  } catch (const json::parse_error& error) {
    bad_input_file(file, "header is wrong at byte " + std::to_string(error.byte) + " of " +
                             std::to_string(text.size()) + ", expected valid JSON");
  } catch (const json::out_of_range&) {
    bad_input_file(file, "header has a number out of range, expected integers below 2^63");
  }
}

void check_metadata(const json& metadata, std::string_view file) {
  const Place place{file, quote("__metadata__")};
  if (!metadata.is_object()) place.fail(quote(metadata) + ", expected an object of strings");
  for (const auto& [key, value] : metadata.items())
    if (!value.is_string()) place.fail(quote(key) + " is " + quote(value) + ", expected a string");
}

const json& find_field(const json& fields, const char* name, const Place& place) {
  const auto found = fields.find(name);
  if (found == fields.end())
    place.fail(std::string(name) + " is missing, expected dtype, shape and data_offsets");
  return *found;
}

std::vector<std::int64_t> integers(const json& fields, const char* name, const Place& place) {
  const json& field = find_field(fields, name, place);
  const auto fail = [&] {
    place.fail(std::string(name) + " is " + quote(field) +
               ", expected integers from 0 to 2^63 - 1");
  };
  if (!field.is_array()) fail();
  std::vector<std::int64_t> values;
  for (const json& value : field) {
    // An unsigned value of 2^63 or more comes out negative.
    if (!value.is_number_integer() || value.get<std::int64_t>() < 0) fail();
    values.push_back(value.get<std::int64_t>());
  }
  return values;
}

// Nothing when the product exceeds 2^63 - 1; a zero among the extents does not excuse the others,
// because products of some of them are formed elsewhere.
std::optional<std::int64_t> byte_count(const FileTensor& tensor) {
  std::int64_t bytes = element_size(tensor.dtype);
  bool empty = false;
  for (const std::int64_t extent : tensor.shape) {
    if (extent == 0)
      empty = true;
    else if (__builtin_mul_overflow(bytes, extent, &bytes))
      return std::nullopt;
  }
  return empty ? 0 : bytes;
}

void check_bytes(const HeaderEntry& entry, std::int64_t data_size, const Place& place) {
  const std::string offsets = "data_offsets " + shape_text({entry.begin, entry.end});
  if (entry.begin > entry.end) place.fail(offsets + ", expected begin <= end");
  if (entry.end > data_size)
    place.fail(offsets + " end beyond the file, which has " + std::to_string(data_size) +
               " bytes of data");
  const std::string shape = entry.tensor.dtype + " " + shape_text(entry.tensor.shape);
  const auto bytes = byte_count(entry.tensor);
  if (!bytes) place.fail(shape + " overflows, expected fewer than 2^63 bytes");
  if (entry.end - entry.begin != *bytes)
    place.fail(offsets + ", expected " + std::to_string(*bytes) + " bytes for " + shape);
}

HeaderEntry parse_entry(const json& fields, std::int64_t data_size, const Place& place) {
  if (!fields.is_object())
    place.fail(quote(fields) + ", expected {\"dtype\", \"shape\", \"data_offsets\"}");
  HeaderEntry entry;
  const json& dtype = find_field(fields, "dtype", place);
  if (!dtype.is_string() || element_size(dtype.get<std::string>()) == 0)
    place.fail("dtype " + quote(dtype) + " is not known, expected F32, BF16, F16, I32 or another " +
               "of the format's");
  entry.tensor.dtype = dtype.get<std::string>();
  entry.tensor.shape = integers(fields, "shape", place);
  const std::vector<std::int64_t> offsets = integers(fields, "data_offsets", place);
  if (offsets.size() != 2)
    place.fail("data_offsets " + shape_text(offsets) + ", expected [begin, end]");
  if (fields.size() != 3)
    place.fail("has " + std::to_string(fields.size()) +
               " fields, expected dtype, shape and data_offsets alone");
  entry.begin = offsets[0];
  entry.end = offsets[1];
  check_bytes(entry, data_size, place);
  return entry;
}

void check_coverage(const Header& header, std::int64_t data_size, std::string_view file) {
  std::vector<const Header::value_type*> in_order;
  for (const auto& item : header) in_order.push_back(&item);
  const auto range = [](const auto* item) {
    return std::pair(item->second.begin, item->second.end);
  };
  std::sort(in_order.begin(), in_order.end(),
            [&](const auto* a, const auto* b) { return range(a) < range(b); });
  std::int64_t covered = 0;
  for (const auto* item : in_order) {
    const auto [begin, end] = range(item);
    const std::string previous = std::to_string(covered) + ", where the one before ends";
    if (begin != covered)
      Place{file, quote(item->first)}.fail(
          "data_offsets " + shape_text({begin, end}) +
          (begin < covered ? " overlap another tensor" : " leave a hole") +
          ", expected to begin at " + previous);
    covered = end;
  }
  if (covered != data_size)
    bad_input_file(
        file, std::to_string(data_size - covered) + " bytes follow the last tensor, expected none");
}

}  // namespace

int element_size(std::string_view dtype) {
  static const std::map<std::string_view, int> sizes = {
      {"BOOL", 1}, {"U8", 1},  {"I8", 1},  {"F8_E4M3", 1}, {"F8_E5M2", 1}, {"F8_E8M0", 1},
      {"U16", 2},  {"I16", 2}, {"F16", 2}, {"BF16", 2},    {"U32", 4},     {"I32", 4},
      {"F32", 4},  {"U64", 8}, {"I64", 8}, {"F64", 8},     {"C64", 8}};
  const auto found = sizes.find(dtype);
  return found == sizes.end() ? 0 : found->second;
}

Header parse_header(std::string_view text, std::int64_t data_size, std::string_view file) {
  const json parsed = parse_json(text, file);
  Header header;
  for (const auto& [name, fields] : parsed.items()) {
    if (name == "__metadata__")
      check_metadata(fields, file);
    else
      header[name] = parse_entry(fields, data_size, {file, quote(name)});
  }
  check_coverage(header, data_size, file);
  return header;
}

std::string header_text(const Header& header) {
  json text = json::object();
  for (const auto& [name, entry] : header)
    text[name] = {{"dtype", entry.tensor.dtype},
                  {"shape", entry.tensor.shape},
                  {"data_offsets", {entry.begin, entry.end}}};
  return text.dump();
}

}  // namespace flash
