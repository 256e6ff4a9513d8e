#include "io/safetensors.h"

#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <fstream>
#include <functional>
#include <new>
#include <system_error>
#include <utility>

#include "io/safetensors_header.h"
#include "tile/error.h"

namespace flash {
namespace {

namespace fs = std::filesystem;

static_assert(std::endian::native == std::endian::little, "the format stores little-endian values");

constexpr std::uint64_t prefix_size = 8;               // the header's length
constexpr std::uint64_t largest_header = 100'000'000;  // the format's own limit

// A path may hold line feeds and terminal escapes.
std::string printable(std::string_view path) {
  constexpr char digits[] = "0123456789abcdef";
  std::string text;
  for (const char c : path) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte != 0x7f)
      text += c;
    else
      text += {'\\', 'x', digits[byte >> 4], digits[byte & 15]};
  }
  return text;
}

// Fills `bytes` from the file's bytes at `offset`.
using ReadAt = std::function<void(std::uint64_t offset, std::span<std::byte> bytes)>;

std::uint64_t read_header_size(std::uint64_t size, std::string_view file, const ReadAt& read) {
  if (size < prefix_size)
    bad_input_file(file, "has " + std::to_string(size) +
                             " bytes, expected at least 8 for the header's length");
  std::uint64_t header_size = 0;
  read(0, std::as_writable_bytes(std::span(&header_size, 1)));
  if (header_size > size - prefix_size || header_size > largest_header)
    bad_input_file(file, "header of " + std::to_string(header_size) + " bytes, expected at most " +
                             std::to_string(std::min(size - prefix_size, largest_header)) +
                             " in a file of " + std::to_string(size));
  return header_size;
}

FileTensors read_tensors(std::uint64_t size, std::string_view file, const ReadAt& read) {
  const std::uint64_t header_size = read_header_size(size, file, read);
  std::string text(header_size, '\0');
  read(prefix_size, std::as_writable_bytes(std::span(text)));
  const std::uint64_t data_begin = prefix_size + header_size;
  FileTensors tensors;
  for (auto& [name, entry] :
       parse_header(text, static_cast<std::int64_t>(size - data_begin), file)) {
    FileTensor& tensor = tensors[name] = entry.tensor;
    tensor.bytes.resize(static_cast<std::size_t>(entry.end - entry.begin));
    read(data_begin + static_cast<std::uint64_t>(entry.begin), tensor.bytes);
  }
  return tensors;
}

// Throws BadInput unless `path` is a regular file; opening a pipe would wait forever.
std::uint64_t regular_file_size(const fs::path& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  std::string defect;
  if (!fs::exists(status))
    defect = "cannot be read (" + error.message() + ")";
  else if (!fs::is_regular_file(status))
    defect = fs::is_directory(status) ? "is a directory" : "is not a regular file";
  if (!defect.empty()) bad_input_file(path.string(), defect + ", expected a safetensors file");
  return fs::file_size(path);
}

// Where each tensor's bytes go: the larger elements first, so that all of them lie aligned.
Header lay_out(const FileTensors& tensors, std::vector<const FileTensor*>& in_order) {
  std::vector<const FileTensors::value_type*> items;
  for (const auto& item : tensors) items.push_back(&item);
  std::stable_sort(items.begin(), items.end(), [](const auto* a, const auto* b) {
    return element_size(a->second.dtype) > element_size(b->second.dtype);
  });
  Header header;
  std::int64_t end = 0;
  for (const auto* item : items) {
    const std::int64_t begin = end;
    end += static_cast<std::int64_t>(item->second.bytes.size());
    header[item->first] = {{item->second.dtype, item->second.shape, {}}, begin, end};
    in_order.push_back(&item->second);
  }
  return header;
}

// Returns false, with the reason in errno, when the file cannot be written to its end.
bool write_file(const fs::path& path, const FileTensors& tensors) {
  std::vector<const FileTensor*> in_order;
  std::string text = header_text(lay_out(tensors, in_order));
  text.resize((text.size() + 7) / 8 * 8, ' ');
  const std::uint64_t header_size = text.size();
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(&header_size), prefix_size);
  file.write(text.data(), static_cast<std::streamsize>(text.size()));
  for (const FileTensor* tensor : in_order)
    file.write(reinterpret_cast<const char*>(tensor->bytes.data()),
               static_cast<std::streamsize>(tensor->bytes.size()));
  file.close();
  return file.good();
}

[[noreturn]] void bad_output_file(const fs::path& path, const std::string& defect) {
  throw tile::BadInput("output", printable(path.string()) + ": " + defect,
                       "a file that can be written");
}

}  // namespace

void bad_input_file(std::string_view file, const std::string& defect) {
  throw tile::BadInput("input", printable(file) + ": " + defect);
}

std::string shape_text(const std::vector<std::int64_t>& shape) {
  constexpr std::size_t longest = 8;
  std::string text = "[";
  for (std::size_t i = 0; i < std::min(shape.size(), longest); ++i)
    text += (i == 0 ? "" : ", ") + std::to_string(shape[i]);
  return text + (shape.size() > longest ? ", ...]" : "]");
}

FileTensors read_safetensors(const fs::path& path) try {
  const std::string name = path.string();
  const std::uint64_t size = regular_file_size(path);
  std::ifstream file(path, std::ios::binary);
  if (!file)
    bad_input_file(name, "cannot be opened (" + std::generic_category().message(errno) +
                             "), expected a safetensors file");
  return read_tensors(size, name, [&](std::uint64_t offset, std::span<std::byte> bytes) {
    file.seekg(static_cast<std::streamoff>(offset));
    file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    if (!file)
      bad_input_file(name,
                     "cannot be read to its end, expected " + std::to_string(size) + " bytes");
  });
} catch (const std::bad_alloc&) {
  bad_input_file(path.string(), "does not fit in memory, expected a smaller file");
}

FileTensors parse_safetensors(std::span<const std::byte> bytes, std::string_view file) {
  return read_tensors(bytes.size(), file, [&](std::uint64_t offset, std::span<std::byte> out) {
    const auto from = bytes.subspan(offset, out.size());
    std::copy(from.begin(), from.end(), out.begin());
  });
}

void write_safetensors(const fs::path& path, const FileTensors& tensors) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  // Renaming would replace a device such as /dev/null.
  if (fs::exists(status) && !fs::is_regular_file(status))
    bad_output_file(path, fs::is_directory(status) ? "is a directory" : "is not a regular file");
  const fs::path target = fs::exists(status) ? fs::canonical(path) : path;  // behind a link
  fs::path partial = target;
  partial += ".partial" + std::to_string(getpid());
  errno = 0;
  if (write_file(partial, tensors))
    fs::rename(partial, target, error);
  else
    error = {errno != 0 ? errno : EIO, std::generic_category()};
  if (!error) return;
  std::error_code ignored;
  fs::remove(partial, ignored);
  bad_output_file(path, "cannot be written (" + error.message() + ")");
}

}  // namespace flash
