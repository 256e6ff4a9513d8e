// A libFuzzer target: whatever the bytes of an input file are, reading it returns tensors that
// agree with their problem or throws BadInput with one line.
//
//   safetensors_fuzz -max_total_time=300 -max_len=2048 -rss_limit_mb=1024
//
// It needs no corpus: the mutator begins with valid files and repairs the header's length.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <span>
#include <string>

#include "io/attention_file.h"
#include "tile/error.h"

namespace {

constexpr std::size_t prefix_size = 8;

const std::string seeds[] = {
    R"({"k":{"dtype":"F32","shape":[1,2,1,1],"data_offsets":[0,8]},)"
    R"("q":{"dtype":"F32","shape":[1,1,2,1],"data_offsets":[8,16]},)"
    R"("v":{"dtype":"F32","shape":[1,2,1,1],"data_offsets":[16,24]}})" +
        std::string(24, '\0'),
    R"({"__metadata__":{"layer":"5"},)"
    R"("cu_seqlens_k":{"dtype":"I32","shape":[3],"data_offsets":[0,12]},)"
    R"("cu_seqlens_q":{"dtype":"I32","shape":[3],"data_offsets":[12,24]},)"
    R"("k":{"dtype":"BF16","shape":[2,1,1],"data_offsets":[24,28]},)"
    R"("q":{"dtype":"BF16","shape":[2,1,1],"data_offsets":[28,32]},)"
    R"("v":{"dtype":"BF16","shape":[2,1,1],"data_offsets":[32,36]}})" +
        std::string("\0\0\0\0\1\0\0\0\2\0\0\0\0\0\0\0\1\0\0\0\2\0\0\0", 24) +
        std::string(12, '\0')};

void require(bool condition) {
  if (!condition) std::abort();
}

void check(std::span<const std::byte> bytes) {
  const bool causal = bytes.size() % 2 == 1;
  const auto [p, inputs] =
      flash::attention_file_from(flash::parse_safetensors(bytes, "file"), "file", causal);
  const auto element = static_cast<std::size_t>(tile::size_in_bytes(p.dtype));
  require(inputs.q.size() == static_cast<std::size_t>(flash::q_elements(p)) * element);
  require(inputs.k.size() == static_cast<std::size_t>(flash::k_elements(p)) * element);
  require(inputs.v.size() == inputs.k.size());
  for (std::int64_t b = 0; b < p.batch && p.packed(); ++b) {
    const flash::Sequence s = p.sequence(b);
    require(0 <= s.q_length && s.q_length <= p.seqlen_q && s.q_begin + s.q_length <= p.total_q());
    require(0 <= s.k_length && s.k_length <= p.seqlen_k && s.k_begin + s.k_length <= p.total_k());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    check(std::as_bytes(std::span(data, size)));
  } catch (const tile::BadInput& error) {
    for (const char c : std::string(error.what())) require(c >= 0x20 && c < 0x7f);
  }
  return 0;
}

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t capacity);

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t capacity, unsigned seed) {
  const std::string& fresh = seeds[seed % std::size(seeds)];
  if (size <= prefix_size && capacity >= prefix_size + fresh.size()) {
    std::copy(fresh.begin(), fresh.end(), data + prefix_size);
    size = prefix_size + fresh.size();
  } else if (size <= prefix_size || seed % 8 == 0) {
    return LLVMFuzzerMutate(data, size, capacity);  // the prefix as well
  } else {
    size = prefix_size +
           LLVMFuzzerMutate(data + prefix_size, size - prefix_size, capacity - prefix_size);
  }
  // The header ends with its last brace.
  std::uint64_t header_size = size - prefix_size;
  while (header_size > 0 && data[prefix_size + header_size - 1] != '}') --header_size;
  std::memcpy(data, &header_size, prefix_size);
  return size;
}
