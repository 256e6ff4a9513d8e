// What the tensors of a file mean: real inputs read as their README says, disagreeing tensors
// named.
#include "io/attention_file.h"

#include <gtest/gtest.h>

#include <functional>
#include <span>

#include "testing/bad_input.h"
#include "testing/scratch.h"

namespace flash {
namespace {

namespace fs = std::filesystem;

const fs::path data = ATTENTION_DATA_DIR;

FileTensor tensor(const std::string& dtype, std::vector<std::int64_t> shape) {
  std::size_t bytes = dtype == "F32" || dtype == "I32" ? 4 : dtype == "F64" ? 8 : 2;
  for (const std::int64_t extent : shape) bytes *= static_cast<std::size_t>(extent);
  return {dtype, std::move(shape), Buffer(bytes)};
}

FileTensor offsets(const std::vector<std::int32_t>& values) {
  const auto bytes = std::as_bytes(std::span(values));
  return {"I32", {static_cast<std::int64_t>(values.size())}, Buffer(bytes.begin(), bytes.end())};
}

FileTensors padded() {
  return {{"q", tensor("F16", {2, 5, 4, 8})},
          {"k", tensor("F16", {2, 7, 2, 8})},
          {"v", tensor("F16", {2, 7, 2, 8})}};
}

FileTensors packed() {
  return {{"q", tensor("F32", {9, 4, 8})},
          {"k", tensor("F32", {6, 2, 8})},
          {"v", tensor("F32", {6, 2, 8})},
          {"cu_seqlens_q", offsets({0, 2, 2, 9})},
          {"cu_seqlens_k", offsets({0, 5, 6, 6})}};
}

struct Disagreement {
  FileTensors file;
  std::function<void(FileTensors&)> spoil;
  const char* expected;  // in the message
};

std::function<void(FileTensors&)> put(const char* name, FileTensor value) {
  return [=](FileTensors& file) { file[name] = value; };
}

std::function<void(FileTensors&)> drop(const char* name) {
  return [=](FileTensors& file) { file.erase(name); };
}

const Disagreement disagreements[] = {
    {padded(), drop("q"), "tensor \"q\": is missing, expected q, k and v"},
    {padded(), drop("k"), "tensor \"k\": is missing"},
    {padded(), drop("v"), "tensor \"v\": is missing"},
    {padded(), put("k", tensor("BF16", {2, 7, 2, 8})), "\"k\": dtype BF16, expected F16 as in q"},
    {padded(), put("v", tensor("F32", {2, 7, 2, 8})), "\"v\": dtype F32, expected F16 as in q"},
    {padded(), put("q", tensor("F16", {5, 4, 8})),
     "\"q\": shape [5, 4, 8], expected [batch, seqlen"},
    {padded(), put("q", tensor("F16", {})), "\"q\": shape [], expected [batch, seqlen, heads"},
    {padded(), put("q", tensor("F16", {1, 1, 1, 1, 1, 1, 1, 1, 1})), "1, 1, ...], expected [batch"},
    {padded(), put("k", tensor("F16", {7, 2, 8})), "\"k\": shape [7, 2, 8], expected [batch"},
    {padded(), put("q", tensor("F16", {3, 5, 4, 8})), "\"k\": batch 2, expected 3 as in q"},
    {padded(), put("q", tensor("F16", {2, 5, 4, 9})), "\"k\": head_dim 8, expected 9 as in q"},
    {padded(), put("v", tensor("F16", {2, 6, 2, 8})), "\"v\": shape [2, 6, 2, 8], expected [2, 7"},
    {padded(), put("cu_seqlens_q", offsets({0, 5})), "shape [2, 5, 4, 8], expected [total, heads"},
    {packed(), drop("cu_seqlens_q"), "\"cu_seqlens_q\": is missing, expected cu_seqlens_q and"},
    {packed(), drop("cu_seqlens_k"), "\"cu_seqlens_k\": is missing"},
    {packed(), put("cu_seqlens_q", tensor("F32", {4})), "F32 [4], expected I32 [batch + 1]"},
    {packed(), put("cu_seqlens_q", tensor("I32", {2, 2})), "I32 [2, 2], expected I32 [batch + 1]"},
    {packed(), put("cu_seqlens_q", offsets({})), "I32 [0], expected I32 [batch + 1] with at least"},
    {packed(), put("cu_seqlens_q", offsets({1, 2, 2, 9})), "entry 0 is 1, expected 0"},
    {packed(), put("cu_seqlens_q", offsets({0, 4, 2, 9})), "entry 2 is 2, expected at least 4"},
    {packed(), put("cu_seqlens_q", offsets({0, INT32_MIN, 2, 9})), "entry 1 is -2147483648, expec"},
    {packed(), put("cu_seqlens_k", offsets({0, 5, 6, 7})),
     "entry 3 is 7, expected 6, the rows of k"},
    {packed(), put("cu_seqlens_k", offsets({0, 6})), "\"cu_seqlens_k\": has 2 entries, expected 4"},
    {padded(), put("q", tensor("F16", {2, 5, 3, 8})), "tensors q, k and v: kv_heads: 2, expected"},
};

TEST(AttentionFile, names_the_tensor_that_disagrees) {
  for (const Disagreement& disagreement : disagreements) {
    FileTensors file = disagreement.file;
    disagreement.spoil(file);
    const std::string message =
        message_of_bad_input([&] { attention_file_from(file, "file", false); });
    EXPECT_EQ(message.find("input: file: "), 0u) << message;
    EXPECT_NE(message.find(disagreement.expected), message.npos) << message;
    EXPECT_EQ(message.find('\n'), message.npos) << message;
  }
}

TEST(AttentionFile, refuses_a_dtype_that_no_stage_takes) {
  for (const char* dtype : {"F64", "I32"}) {
    FileTensors file;
    for (const char* name : {"q", "k", "v"}) file[name] = tensor(dtype, {1, 1, 1, 1});
    EXPECT_THROW(attention_file_from(file, "file", false), BadInput) << dtype;
  }
}

TEST(AttentionFile, reads_padded_and_packed_shapes) {
  FileTensors file = padded();
  file["do"] = tensor("F32", {1});
  const Problem p = attention_file_from(file, "file", true).problem;
  EXPECT_EQ(std::vector({p.batch, p.seqlen_q, p.seqlen_k, p.heads, p.kv_heads, p.head_dim}),
            (std::vector<std::int64_t>{2, 5, 7, 4, 2, 8}));
  EXPECT_TRUE(p.causal && p.dtype == DType::f16 && !p.packed());

  const Problem r = attention_file_from(packed(), "file", false).problem;
  EXPECT_EQ(std::vector({r.batch, r.seqlen_q, r.seqlen_k, r.heads, r.kv_heads, r.head_dim}),
            (std::vector<std::int64_t>{3, 7, 5, 4, 2, 8}));
  EXPECT_EQ(r.cu_seqlens_q, (std::vector<std::int32_t>{0, 2, 2, 9}));
  EXPECT_TRUE(!r.causal && r.dtype == DType::f32 && r.packed());
}

TEST(AttentionFile, reads_the_real_files) {
  const AttentionFile one = read_attention_file(data / "minilm_512.safetensors", false);
  EXPECT_EQ(one.problem.seqlen_q, 512);
  EXPECT_EQ(one.problem.heads, 12);
  EXPECT_EQ(one.problem.head_dim, 32);
  // Read from the file by another program; a mix-up of q, k and v or of offsets shows here.
  EXPECT_FLOAT_EQ(element(one.inputs.q, DType::f32, 0), 0.543453276f);
  EXPECT_FLOAT_EQ(element(one.inputs.k, DType::f32, 0), 0.611430228f);
  EXPECT_FLOAT_EQ(element(one.inputs.v, DType::f32, 196607), 0.167764246f);

  const AttentionFile packed = read_attention_file(data / "minilm_packed.safetensors", false);
  EXPECT_EQ(packed.problem.batch, 8);
  EXPECT_EQ(packed.problem.seqlen_q, 300);
  EXPECT_EQ(packed.problem.total_k(), 877);
  EXPECT_EQ(packed.problem.dtype, DType::f16);
  EXPECT_FLOAT_EQ(element(packed.inputs.q, DType::f16, 0), -0.171142578f);
  EXPECT_FLOAT_EQ(element(packed.inputs.v, DType::f16, 336767), -0.689453125f);
}

TEST(AttentionFile, reads_the_gradient_of_o_if_it_is_asked_for) {
  const auto expect_bad_input = [](const auto& f, const char* expected) {
    const std::string message = message_of_bad_input(f);
    EXPECT_NE(message.find(expected), std::string::npos) << message;
  };
  const auto read = [](FileTensors tensors) {
    return attention_file_from(std::move(tensors), "file", false, true);
  };
  FileTensors file = padded();
  EXPECT_TRUE(attention_file_from(file, "file", false).inputs.d_o.empty());
  expect_bad_input([&] { read(file); }, "tensor \"do\": is missing, expected the gradient of o");
  file["do"] = tensor("F32", {2, 5, 4, 8});
  expect_bad_input([&] { read(file); }, "tensor \"do\": dtype F32, expected F16 as in q");
  file["do"] = tensor("F16", {2, 5, 4, 9});
  expect_bad_input([&] { read(file); }, "tensor \"do\": shape [2, 5, 4, 9], expected [2, 5, 4, 8]");
  file["do"] = tensor("F16", {2, 5, 4, 8});
  file["do"].bytes[5] = std::byte{9};
  EXPECT_EQ(read(file).inputs.d_o, file["do"].bytes);
}

TEST(AttentionFile, writes_outputs_in_the_problems_shapes) {
  const Scratch scratch;
  const fs::path path = scratch.path() / "outputs";
  for (const FileTensors& inputs : {padded(), packed()}) {
    const Problem problem = attention_file_from(inputs, "file", false).problem;
    Outputs outputs{Buffer(inputs.at("q").bytes.size(), std::byte{7}), {}};
    for (std::int64_t i = 0; i < lse_elements(problem); ++i) outputs.lse.push_back(-1.5f);
    outputs.gradients = {Buffer(inputs.at("q").bytes.size(), std::byte{1}),
                         Buffer(inputs.at("k").bytes.size(), std::byte{2}),
                         Buffer(inputs.at("v").bytes.size(), std::byte{3})};
    write_outputs(path, problem, outputs);
    const FileTensors read = read_safetensors(path);
    EXPECT_EQ(read.at("o").dtype, inputs.at("q").dtype);
    EXPECT_EQ(read.at("o").shape, inputs.at("q").shape);
    EXPECT_EQ(read.at("o").bytes, outputs.o);
    EXPECT_EQ(read.at("lse").dtype, "F32");
    EXPECT_EQ(read.at("lse").shape, problem.packed() ? (std::vector<std::int64_t>{4, 9})
                                                     : (std::vector<std::int64_t>{2, 4, 5}));
    EXPECT_EQ(element(read.at("lse").bytes, DType::f32, 39 - 4 * problem.packed()), -1.5f);
    EXPECT_EQ(read.at("dq").bytes, outputs.gradients->dq);
    EXPECT_EQ(read.at("dk").bytes, outputs.gradients->dk);
    EXPECT_EQ(read.at("dv").bytes, outputs.gradients->dv);
    EXPECT_EQ(read.at("dq").shape, inputs.at("q").shape);
    EXPECT_EQ(read.at("dk").shape, inputs.at("k").shape);
    EXPECT_EQ(read.at("dv").dtype, inputs.at("v").dtype);
  }
}

}  // namespace
}  // namespace flash
