#include "check/generator.h"

#include <algorithm>
#include <cmath>

#include "attention/random.h"
#include "check/rows.h"
#include "tile/cpu/parallel.h"

namespace flash {
namespace {

enum class Stream : std::uint64_t { q, k, v, peak, shape, d_o };

std::uint64_t key_of(std::uint64_t seed, Stream stream) {
  return random_bits(seed, static_cast<std::uint64_t>(stream));
}

// An integer, close to normal: the sum of four uniform 16-bit numbers, less its mean.
// Products with fp32 constants and sums of two of those are exact in double, so that the compiler's
// choice between FMA and two roundings cannot show.
double draw(std::uint64_t key, std::int64_t index) {
  const std::uint64_t bits = random_bits(key, static_cast<std::uint64_t>(index));
  const std::uint64_t sum =
      (bits & 0xffff) + (bits >> 16 & 0xffff) + (bits >> 32 & 0xffff) + (bits >> 48);
  return static_cast<double>(sum) - 131070;
}

constexpr double draw_deviation = 37837.22725;  // sqrt(4 (2^32 - 1) / 12)

// A factor of a draw, with the 24 significant bits that keep the product exact.
float factor(double x) {
  return static_cast<float>(x / draw_deviation);
}

constexpr double score_shifts[8] = {0, 0, 110, -110, -300, -20000, 0, 150};  // by pattern
constexpr std::uint64_t hidden_keys = 7;                                     // a pattern

// A pattern of FP8: Q and K have magnitudes that e4m3 cannot hold, whose product is 1, and the
// magnitude of V changes with the block. Powers of two: everything else stays as it is.
constexpr std::uint64_t of_any_magnitude = 1;
constexpr double q_magnitude = 0x1p-9, k_magnitude = 0x1p9;

double v_magnitude(std::int64_t key) {
  return static_cast<double>(1 << (2 * (key / 64 % 4)));
}

class Generator {
 public:
  Generator(const Problem& problem, std::uint64_t random_seed, bool fp8, Inputs& to)
      : p(problem),
        inputs(to),
        seed(random_seed),
        pattern(seed % (fp8 ? 4 : 8)),
        any_magnitude(fp8 && pattern == of_any_magnitude) {
    const double root = std::sqrt(static_cast<double>(p.head_dim));
    const double amplitude = 2.5 / (p.softmax_scale() * root);
    const double cosine = std::min(0.8, 4 / root);
    noise_factor = factor(amplitude * std::sqrt(1 - cosine * cosine));
    peak_factor = factor(amplitude * cosine);
    one_hot_factor = factor(130 / (p.softmax_scale() * static_cast<double>(p.head_dim)));
    shift = std::sqrt(std::abs(score_shifts[pattern]) / std::abs(p.softmax_scale()));
  }

  void keys(std::int64_t batch, std::int64_t key) {
    const std::int64_t token = p.sequence(batch).k_begin + key;
    const double of_k = any_magnitude ? k_magnitude : 1;
    const double of_v = any_magnitude ? v_magnitude(key) : 1;
    for (std::int64_t h = 0; h < p.kv_heads; ++h) {
      const std::int64_t first = (token * p.kv_heads + h) * p.head_dim;
      for (std::int64_t c = 0; c < p.head_dim; ++c) {
        const double mean = 0.5 + 0.25 * static_cast<double>((c + h) % 4);
        set(inputs.k, first + c, of_k * (factor(1) * draw(k_key, first + c)));
        set(inputs.v, first + c, of_v * (factor(1) * draw(v_key, first + c) + mean));
      }
      if (shifted(h)) set(inputs.k, first + p.head_dim - 1, is_moved(batch, key) ? shift : 0);
    }
  }

  void query(const Sequence& sequence, std::int64_t row) {
    const std::int64_t seen = visible_keys(p, sequence, row).size();
    const double of_q = any_magnitude ? q_magnitude : 1;
    for (std::int64_t h = 0; h < p.heads; ++h) {
      const std::int64_t kv_head = h / (p.heads / p.kv_heads);
      const std::int64_t first = ((sequence.q_begin + row) * p.heads + h) * p.head_dim;
      const std::int64_t late =
          seen == 0 ? 0 : random_below(std::min<std::int64_t>(8, seen), peak_key, first);
      const std::int64_t peak =
          ((sequence.k_begin + seen - 1 - late) * p.kv_heads + kv_head) * p.head_dim;
      const bool one_hot =
          pattern % 4 == 1 && p.dtype != DType::f32 && h == 0 && row % 8 == 5 && p.head_dim >= 64;
      const double noise = one_hot ? 0 : noise_factor;
      const double toward_peak = seen == 0 ? 0 : one_hot ? one_hot_factor : peak_factor;
      for (std::int64_t c = 0; c < p.head_dim; ++c)
        set(inputs.q, first + c,
            of_q * (noise * draw(q_key, first + c) + toward_peak * draw(k_key, peak + c)));
      if (shifted(kv_head))
        set(inputs.q, first + p.head_dim - 1, std::copysign(shift, score_shifts[pattern]));
    }
  }

 private:
  // The last column of q and k carries the shift of the scores of a head: the last, so that a sum
  // in order of columns rounds only once at the shift's magnitude.
  bool shifted(std::int64_t kv_head) const {
    return score_shifts[pattern] != 0 && kv_head == 0 && p.dtype == DType::f32 && p.head_dim >= 2;
  }

  bool is_moved(std::int64_t batch, std::int64_t key) const {
    if (pattern != hidden_keys) return true;
    return p.causal ? key >= p.sequence(batch).k_length / 2 : batch % 2 == 1;
  }

  void set(Buffer& buffer, std::int64_t i, double value) {
    set_element(buffer, p.dtype, i, static_cast<float>(value));
  }

  const Problem& p;
  Inputs& inputs;
  const std::uint64_t seed;
  const std::uint64_t pattern;
  const bool any_magnitude;
  const std::uint64_t q_key = key_of(seed, Stream::q), k_key = key_of(seed, Stream::k);
  const std::uint64_t v_key = key_of(seed, Stream::v), peak_key = key_of(seed, Stream::peak);
  // Stored as float: GCC 12 leaves out a rounding to fp32 between two doubles when it vectorises.
  float noise_factor, peak_factor, one_hot_factor;
  double shift;
};

std::int64_t random_length(std::uint64_t key, std::uint64_t index) {
  const std::int64_t around_tile = 64 * random_below(4, key, 3 * index) - 1;
  const std::int64_t offset = random_below(3, key, 3 * index + 1);
  return offset == 0 ? random_below(201, key, 3 * index + 2)
                     : std::max<std::int64_t>(0, around_tile + random_below(3, key, 3 * index + 2));
}

}  // namespace

Inputs generate(const Problem& problem, std::uint64_t seed, const Precision& precision) {
  const int size = size_in_bytes(problem.dtype);
  Inputs inputs{Buffer(q_elements(problem) * size), Buffer(k_elements(problem) * size),
                Buffer(k_elements(problem) * size)};
  Generator generator(problem, seed, precision.has_value(), inputs);
  for (std::int64_t b = 0; b < problem.batch; ++b) {
    const Sequence sequence = problem.sequence(b);
    const double work = 20 * static_cast<double>(problem.head_dim);  // of a row of a head
    tile::cpu::parallel_for(sequence.k_length,
                            work * static_cast<double>(sequence.k_length * problem.kv_heads),
                            [&](std::int64_t key) { generator.keys(b, key); });
    tile::cpu::parallel_for(sequence.q_length,
                            work * static_cast<double>(sequence.q_length * problem.heads),
                            [&](std::int64_t row) { generator.query(sequence, row); });
  }
  return inputs;
}

Buffer generate_gradient(const Problem& p, std::uint64_t seed) {
  Buffer d_o(q_elements(p) * size_in_bytes(p.dtype));
  const std::uint64_t key = key_of(seed, Stream::d_o);
  const std::int64_t rows = p.total_q() * p.heads;
  tile::cpu::parallel_for(rows, 20 * static_cast<double>(q_elements(p)), [&](std::int64_t row) {
    for (std::int64_t c = 0; c < p.head_dim; ++c) {
      const double mean = 0.25 * static_cast<double>((c + row % p.heads) % 3 - 1);
      const std::int64_t i = row * p.head_dim + c;
      set_element(d_o, p.dtype, i, static_cast<float>(factor(1) * draw(key, i) + mean));
    }
  });
  return d_o;
}

Problem random_problem(std::uint64_t seed, DType dtype) {
  const std::uint64_t key = key_of(seed, Stream::shape);
  constexpr std::int64_t head_dims[] = {1, 2, 8, 16, 31, 32, 33, 40, 64, 64, 65, 96, 128, 192, 256};
  Problem p;
  p.dtype = dtype;
  p.batch = 1 + random_below(3, key, 100);
  p.kv_heads = 1 + random_below(2, key, 101);
  p.heads = p.kv_heads * (1 + random_below(3, key, 102));
  p.head_dim = random_below(4, key, 103) == 0 ? 1 + random_below(max_head_dim, key, 104)
                                              : head_dims[random_below(15, key, 104)];
  p.causal = random_below(2, key, 105) == 0;
  p.seqlen_q = random_length(key, 0);
  p.seqlen_k = random_below(2, key, 106) == 0 ? p.seqlen_q : random_length(key, 1);
  if (random_below(3, key, 107) != 0) return p;
  p.cu_seqlens_q = p.cu_seqlens_k = {0};
  p.seqlen_q = p.seqlen_k = 0;
  for (std::int64_t b = 0; b < p.batch; ++b) {
    const std::int64_t q = random_length(key, 2 + 2 * b), k = random_length(key, 3 + 2 * b);
    p.cu_seqlens_q.push_back(p.cu_seqlens_q.back() + static_cast<std::int32_t>(q));
    p.cu_seqlens_k.push_back(p.cu_seqlens_k.back() + static_cast<std::int32_t>(k));
    p.seqlen_q = std::max(p.seqlen_q, q);
    p.seqlen_k = std::max(p.seqlen_k, k);
  }
  return p;
}

}  // namespace flash
