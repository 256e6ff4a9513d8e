#include "io/attention_file.h"

#include <algorithm>
#include <cstring>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace flash {
namespace {

std::string dtype_text(DType dtype) {
  switch (dtype) {
    case DType::bf16:
      return "BF16";
    case DType::f16:
      return "F16";
    default:
      return "F32";
  }
}

// Reads a problem from the tensors of one file.
class Reader {
 public:
  Reader(FileTensors tensors, std::string_view file) : tensors_(std::move(tensors)), file_(file) {}

  Problem problem(bool causal) const {
    Problem problem;
    problem.causal = causal;
    problem.dtype = dtype();
    if (tensors_.contains("cu_seqlens_q") || tensors_.contains("cu_seqlens_k"))
      read_packed(problem);
    else
      read_padded(problem);
    return problem;
  }

  // Fails unless the gradient of o is there.
  void require_gradient() const {
    const FileTensor &q = tensors_.at("q"), &d_o = find("do", "the gradient of o, shaped as q");
    if (d_o.dtype != q.dtype)
      fail("do", "dtype " + d_o.dtype + ", expected " + q.dtype + " as in q");
    if (d_o.shape != q.shape)
      fail("do",
           "shape " + shape_text(d_o.shape) + ", expected " + shape_text(q.shape) + " as in q");
  }

  Buffer take(const std::string& name) { return std::move(tensors_.at(name).bytes); }

 private:
  [[noreturn]] void fail(const std::string& name, const std::string& defect) const {
    bad_input_file(file_, "tensor \"" + name + "\": " + defect);
  }

  const FileTensor& find(const std::string& name, const std::string& expected) const {
    const auto found = tensors_.find(name);
    if (found == tensors_.end()) fail(name, "is missing, expected " + expected);
    return found->second;
  }

  DType dtype() const {
    const std::string text = find("q", "q, k and v").dtype;
    for (const char* name : {"k", "v"})
      if (const std::string& other = find(name, "q, k and v").dtype; other != text)
        fail(name, "dtype " + other + ", expected " + text + " as in q");
    for (const DType dtype : {DType::f32, DType::bf16, DType::f16})
      if (dtype_text(dtype) == text) return dtype;
    fail("q", "dtype " + text + ", expected F32, BF16 or F16");
  }

  const std::vector<std::int64_t>& shape(const std::string& name, std::size_t rank,
                                         const std::string& expected) const {
    const std::vector<std::int64_t>& shape = tensors_.at(name).shape;
    if (shape.size() != rank) fail(name, "shape " + shape_text(shape) + ", expected " + expected);
    return shape;
  }

  // Compares q, k and v where they must agree; `rank` is 4, or 3 when packed.
  void read_heads(Problem& problem, std::size_t rank, const std::string& expected) const {
    const auto& q = shape("q", rank, expected);
    const auto& k = shape("k", rank, expected);
    const auto& v = shape("v", rank, expected);
    problem.heads = q[rank - 2];
    problem.kv_heads = k[rank - 2];
    problem.head_dim = q[rank - 1];
    if (k[rank - 1] != problem.head_dim)
      fail("k", "head_dim " + std::to_string(k[rank - 1]) + ", expected " +
                    std::to_string(problem.head_dim) + " as in q");
    if (v != k) fail("v", "shape " + shape_text(v) + ", expected " + shape_text(k) + " as in k");
  }

  void read_padded(Problem& problem) const {
    read_heads(problem, 4,
               "[batch, seqlen, heads, head_dim], or cu_seqlens_q and cu_seqlens_k beside "
               "[total, heads, head_dim]");
    const auto& q = tensors_.at("q").shape;
    const auto& k = tensors_.at("k").shape;
    problem.batch = q[0];
    problem.seqlen_q = q[1];
    problem.seqlen_k = k[1];
    if (k[0] != q[0])
      fail("k",
           "batch " + std::to_string(k[0]) + ", expected " + std::to_string(q[0]) + " as in q");
  }

  void read_packed(Problem& problem) const {
    read_heads(problem, 3, "[total, heads, head_dim] beside cu_seqlens_q and cu_seqlens_k");
    problem.cu_seqlens_q = offsets("cu_seqlens_q", "q");
    problem.cu_seqlens_k = offsets("cu_seqlens_k", "k");
    const auto entries = std::to_string(problem.cu_seqlens_q.size());
    if (problem.cu_seqlens_k.size() != problem.cu_seqlens_q.size())
      fail("cu_seqlens_k", "has " + std::to_string(problem.cu_seqlens_k.size()) +
                               " entries, expected " + entries + " as in cu_seqlens_q");
    problem.batch = static_cast<std::int64_t>(problem.cu_seqlens_q.size()) - 1;
    problem.seqlen_q = longest(problem.cu_seqlens_q);
    problem.seqlen_k = longest(problem.cu_seqlens_k);
  }

  // Where each sequence of `rows` begins, and where the last one ends.
  std::vector<std::int32_t> offsets(const std::string& name, const std::string& rows) const {
    const FileTensor& tensor = find(name, "cu_seqlens_q and cu_seqlens_k, or neither");
    if (tensor.dtype != "I32" || tensor.shape.size() != 1 || tensor.shape[0] < 2)
      fail(name, tensor.dtype + " " + shape_text(tensor.shape) +
                     ", expected I32 [batch + 1] with at least 2 entries");
    std::vector<std::int32_t> values(tensor.bytes.size() / sizeof(std::int32_t));
    std::memcpy(values.data(), tensor.bytes.data(), tensor.bytes.size());
    check_offsets(values, name, rows);
    return values;
  }

  void check_offsets(const std::vector<std::int32_t>& values, const std::string& name,
                     const std::string& rows) const {
    const auto entry = [&](std::size_t i) {
      return "entry " + std::to_string(i) + " is " + std::to_string(values[i]) + ", expected ";
    };
    if (values[0] != 0) fail(name, entry(0) + "0");
    for (std::size_t i = 1; i < values.size(); ++i)
      if (values[i] < values[i - 1])
        fail(name, entry(i) + "at least " + std::to_string(values[i - 1]) + ", the one before");
    if (const std::int64_t total = tensors_.at(rows).shape[0]; values.back() != total)
      fail(name, entry(values.size() - 1) + std::to_string(total) + ", the rows of " + rows);
  }

  static std::int64_t longest(const std::vector<std::int32_t>& offsets) {
    std::int64_t length = 0;
    for (std::size_t i = 1; i < offsets.size(); ++i)
      length = std::max<std::int64_t>(length, offsets[i] - offsets[i - 1]);
    return length;
  }

  FileTensors tensors_;
  std::string_view file_;
};

}  // namespace

AttentionFile attention_file_from(FileTensors tensors, std::string_view file, bool causal,
                                  bool gradient) {
  Reader reader(std::move(tensors), file);
  const Problem problem = reader.problem(causal);
  try {
    validate(problem);
  } catch (const BadInput& error) {
    bad_input_file(file, std::string("tensors q, k and v: ") + error.what());
  }
  AttentionFile read{problem, {reader.take("q"), reader.take("k"), reader.take("v")}};
  if (gradient) {
    reader.require_gradient();
    read.inputs.d_o = reader.take("do");
  }
  return read;
}

AttentionFile read_attention_file(const std::filesystem::path& path, bool causal, bool gradient) {
  return attention_file_from(read_safetensors(path), path.string(), causal, gradient);
}

void write_outputs(const std::filesystem::path& path, const Problem& p, Outputs outputs) {
  using Extents = std::vector<std::int64_t>;
  FileTensors tensors;
  const auto add = [&](const char* name, DType dtype, Extents shape, Buffer bytes) {
    tensors[name] = {dtype_text(dtype), std::move(shape), std::move(bytes)};
  };
  const Extents q = p.packed() ? Extents{p.total_q(), p.heads, p.head_dim}
                               : Extents{p.batch, p.seqlen_q, p.heads, p.head_dim};
  const Extents k = p.packed() ? Extents{p.total_k(), p.kv_heads, p.head_dim}
                               : Extents{p.batch, p.seqlen_k, p.kv_heads, p.head_dim};
  const Extents rows =
      p.packed() ? Extents{p.heads, p.total_q()} : Extents{p.batch, p.heads, p.seqlen_q};
  const auto statistics = std::as_bytes(std::span(outputs.lse));
  add("o", p.dtype, q, std::move(outputs.o));
  add("lse", DType::f32, rows, Buffer(statistics.begin(), statistics.end()));
  if (outputs.gradients) {
    add("dq", p.dtype, q, std::move(outputs.gradients->dq));
    add("dk", p.dtype, k, std::move(outputs.gradients->dk));
    add("dv", p.dtype, k, std::move(outputs.gradients->dv));
  }
  write_safetensors(path, tensors);
}

}  // namespace flash
