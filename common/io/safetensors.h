// Reading and writing of safetensors files: the header's length (8 bytes, little-endian), a JSON
// header {name: {dtype, shape, data_offsets}}, then the data of all tensors without holes.
// Format: https://github.com/huggingface/safetensors#format
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "attention/tensors.h"

namespace flash {

struct FileTensor {
  std::string dtype;                // as the format writes it: "F32", "BF16", "I32", ...
  std::vector<std::int64_t> shape;  // empty for a scalar
  Buffer bytes;                     // row-major, little-endian
};

using FileTensors = std::map<std::string, FileTensor>;  // by name

// Throws BadInput, one line naming the file, the tensor, the value and what was expected, for a
// file that cannot be read and for every departure from the format.
FileTensors read_safetensors(const std::filesystem::path& path);

// The same for a file in memory; `file` stands for its name in messages.
FileTensors parse_safetensors(std::span<const std::byte> bytes, std::string_view file);

// Replaces `path` once everything is written, so that a failure leaves an old file as it was. The
// bytes depend on the tensors alone. Each tensor's bytes must fill its shape. Throws BadInput.
void write_safetensors(const std::filesystem::path& path, const FileTensors& tensors);

// Throws BadInput: "input: FILE: DEFECT".
[[noreturn]] void bad_input_file(std::string_view file, const std::string& defect);

// "[1, 512, 12, 32]"; a long shape is shortened.
std::string shape_text(const std::vector<std::int64_t>& shape);

}  // namespace flash
