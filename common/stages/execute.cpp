#include "stages/execute.h"

#include <bit>
#include <cstdio>
#include <string>

#include "stages/memory.h"

namespace flash {
namespace {

TensorView view(Buffer& buffer, DType dtype, std::int64_t heads, std::int64_t head_dim) {
  return {buffer.data(), dtype, heads * head_dim, head_dim};
}

// A kernel only loads Q, K and V, so nothing is written through this view.
TensorView view(const Buffer& buffer, DType dtype, std::int64_t heads, std::int64_t head_dim) {
  return view(const_cast<Buffer&>(buffer), dtype, heads, head_dim);
}

// All NaN.
Buffer unwritten(std::size_t bytes) {
  return Buffer(bytes, std::byte{0xff});
}

std::string gigabytes(double bytes) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f GB", bytes / 1e9);
  return text;
}

}  // namespace

Outputs unwritten_outputs(const Problem& problem) {
  constexpr auto unwritten = std::bit_cast<float>(0xffffffffu);  // a NaN that nobody computes
  Outputs outputs;
  outputs.o.resize(q_elements(problem) * size_in_bytes(problem.dtype), std::byte{0xff});
  outputs.lse.resize(lse_elements(problem), unwritten);
  return outputs;
}

TensorView key_view(const Problem& p, const Buffer& k) {
  return view(k, p.dtype, p.kv_heads, p.head_dim);
}

KvCache filled_cache(const Problem& p, const Inputs& inputs, DType dtype, std::int64_t page_size,
                     std::uint64_t seed) {
  KvCache cache = make_cache(dtype, p.batch, p.kv_heads, p.head_dim, p.seqlen_k, page_size, seed);
  tile::cpu::Device device;
  append(device, cache, key_view(p, inputs.k), key_view(p, inputs.v), p.seqlen_k);
  return cache;
}

AttentionArgs make_args(const Problem& p, const Inputs& inputs, Outputs& outputs) {
  AttentionArgs args{p.shape()};
  args.scale = static_cast<float>(p.softmax_scale());
  args.Q = view(inputs.q, p.dtype, p.heads, p.head_dim);
  args.K = key_view(p, inputs.k);
  args.V = key_view(p, inputs.v);
  args.O = view(outputs.o, p.dtype, p.heads, p.head_dim);
  args.LSE = outputs.lse.data();
  return args;
}

AttentionArgs make_backward_args(const Problem& p, const Inputs& inputs, Outputs& outputs) {
  AttentionArgs args = make_args(p, inputs, outputs);
  Gradients& to = outputs.gradients.emplace();
  to = {unwritten(inputs.q.size()), unwritten(inputs.k.size()), unwritten(inputs.v.size())};
  args.gradient = {.dO = view(inputs.d_o, p.dtype, p.heads, p.head_dim),
                   .dQ = view(to.dq, p.dtype, p.heads, p.head_dim),
                   .dK = view(to.dk, p.dtype, p.kv_heads, p.head_dim),
                   .dV = view(to.dv, p.dtype, p.kv_heads, p.head_dim)};
  return args;
}

void require_memory(const Stage& stage, const Problem& problem, bool backward) {
  auto needed = static_cast<double>(stage.cost(problem).hbm_workspace.total());
  if (backward) needed += static_cast<double>(stage.backward_cost(problem).hbm_workspace.total());
  const double there = available_memory();
  if (needed <= there) return;
  throw BadInput("seqlen_q",
                 std::to_string(problem.seqlen_q) + " queries and " +
                     std::to_string(problem.seqlen_k) + " keys take " + gigabytes(needed) +
                     " of workspace in " + std::string(stage.name),
                 "at most the " + gigabytes(there) + " that are available");
}

Outputs execute(const Stage& stage, tile::cpu::Device& device, const Problem& problem,
                const Inputs& inputs) {
  require_memory(stage, problem);
  device.forget_workspace();
  Outputs outputs = unwritten_outputs(problem);
  stage.forward(device, make_args(problem, inputs, outputs));
  return outputs;
}

Outputs execute_backward(const Stage& stage, tile::cpu::Device& device, const Problem& problem,
                         const Inputs& inputs) {
  require_memory(stage, problem, true);
  device.forget_workspace();
  Outputs outputs = unwritten_outputs(problem);
  const AttentionArgs args = make_backward_args(problem, inputs, outputs);
  stage.forward(device, args);
  device.reset_counters();
  stage.backward()->run(device, args);
  return outputs;
}

}  // namespace flash
