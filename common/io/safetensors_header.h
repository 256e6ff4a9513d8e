// The JSON header of a safetensors file.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "io/safetensors.h"

namespace flash {

struct HeaderEntry {
  FileTensor tensor;                // without its bytes
  std::int64_t begin = 0, end = 0;  // of its bytes, from the beginning of the data
};

using Header = std::map<std::string, HeaderEntry>;  // by name

// Throws BadInput naming `file` unless the tensors cover the `data_size` bytes exactly, each byte
// once, and each tensor's bytes are what its dtype and shape take.
Header parse_header(std::string_view text, std::int64_t data_size, std::string_view file);

std::string header_text(const Header& header);

// Bytes of one element, 0 for a dtype that is not known.
int element_size(std::string_view dtype);

}  // namespace flash
