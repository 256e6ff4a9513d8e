// A model of one attention layer learns to say which token stood 200 places before: with a stage's
// forward and backward pass, and with the reference in double.
#include <gtest/gtest.h>

#include <array>
#include <cmath>

#include "attention/random.h"
#include "check/errors.h"
#include "check/gradients.h"
#include "check/reference.h"
#include "check/row_blocks.h"
#include "stages/execute.h"

namespace flash {
namespace {

constexpr std::int64_t batch = 4, length = 232, back = 200, tokens = 16, waves = 24;
constexpr std::int64_t d = tokens + 2 * waves;

using Weights = std::array<Matrix<double>, 4>;  // of Q, K, V: [d, d]; of the output: [d, tokens]

// O, and the gradients of Q, K and V, each [batch * length, d].
struct Passes {
  Matrix<double> o, dq, dk, dv;
};

Problem problem_of(double dropout) {
  Problem p{.batch = batch, .heads = 1, .kv_heads = 1, .seqlen_q = length, .seqlen_k = length};
  p.head_dim = d;
  p.causal = true;
  p.dropout = dropout;
  return p;
}

Buffer buffer_of(const Matrix<double>& values) {
  Buffer buffer(values.size() * sizeof(float));
  for (Eigen::Index i = 0; i < values.size(); ++i)
    set_element(buffer, DType::f32, i, static_cast<float>(values.data()[i]));
  return buffer;
}

Matrix<double> matrix_of(const Buffer& buffer) {
  Matrix<double> values(batch * length, d);
  for (Eigen::Index i = 0; i < values.size(); ++i)
    values.data()[i] = element(buffer, DType::f32, i);
  return values;
}

// How attention is computed: its output first, then gradients for the dO that is made of it.
class Attention {
 public:
  virtual ~Attention() = default;
  virtual Matrix<double> forward(const Problem& p, const Inputs& inputs) = 0;
  virtual Passes backward(const Problem& p, const Inputs& inputs) = 0;
};

class OfReference : public Attention {
 public:
  Matrix<double> forward(const Problem& p, const Inputs& inputs) override {
    const RowResults<double> rows = reference_forward(p, inputs, all_rows(p));
    return Eigen::Map<const Matrix<double>>(rows.o.data(), batch * length, d);
  }
  Passes backward(const Problem& p, const Inputs& inputs) override {
    Passes all;
    all.dq.resize(batch * length, d);
    all.dk = all.dv = all.dq;
    for (std::int64_t b = 0; b < batch; ++b) {
      const HeadGradients<double> of = reference_backward(p, inputs, {b, 0});
      const auto put = [&](Matrix<double>& to, const std::vector<double>& from) {
        to.middleRows(b * length, length) =
            Eigen::Map<const Matrix<double>>(from.data(), length, d);
      };
      put(all.dq, of.dq);
      put(all.dk, of.dk);
      put(all.dv, of.dv);
    }
    return all;
  }
};

class OfStage : public Attention {
 public:
  explicit OfStage(const Stage& stage) : stage_(stage) {}

  Matrix<double> forward(const Problem& p, const Inputs& inputs) override {
    return matrix_of(execute(stage_, device_, p, inputs).o);
  }
  Passes backward(const Problem& p, const Inputs& inputs) override {
    const Outputs outputs = execute_backward(stage_, device_, p, inputs);
    const Gradients& of = *outputs.gradients;
    return {matrix_of(outputs.o), matrix_of(of.dq), matrix_of(of.dk), matrix_of(of.dv)};
  }

 private:
  const Stage& stage_;
  tile::cpu::Device device_;
};

// Adam (Kingma and Ba, arXiv:1412.6980, Algorithm 1).
class Adam {
 public:
  void step(Weights& weights, const Weights& gradients) {
    ++t_;
    for (std::size_t i = 0; i < weights.size(); ++i) {
      const auto g = gradients[i].array();
      if (t_ == 1) m_[i] = v_[i] = 0 * gradients[i];
      m_[i] = (beta1 * m_[i].array() + (1 - beta1) * g).matrix();
      v_[i] = (beta2 * v_[i].array() + (1 - beta2) * g.square()).matrix();
      weights[i].array() -= rate * (m_[i].array() / (1 - std::pow(beta1, t_))) /
                            ((v_[i].array() / (1 - std::pow(beta2, t_))).sqrt() + 1e-8);
    }
  }

 private:
  static constexpr double rate = 0.02, beta1 = 0.9, beta2 = 0.99;
  int t_ = 0;
  Weights m_, v_;
};

double uniform(std::uint64_t key, std::uint64_t index) {
  return static_cast<double>(random_bits(key, index) >> 11) * 0x1p-53;
}

// Of each token one number that is 1, and waves of its place.
struct Text {
  std::vector<std::int64_t> token;
  Matrix<double> x;

  explicit Text(int step) : token(batch * length), x(batch * length, d) {
    x.setZero();
    for (std::int64_t i = 0; i < batch * length; ++i) {
      token[i] = random_below(tokens, 1000 + step, i);
      x(i, token[i]) = 1;
      for (std::int64_t w = 0; w < waves; ++w) {
        const double angle = static_cast<double>(i % length) * (0.02 + 1.48 * w / (waves - 1));
        x(i, tokens + w) = std::sin(angle);
        x(i, tokens + waves + w) = std::cos(angle);
      }
    }
  }
};

Weights initial_weights() {
  Weights weights;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    weights[i].resize(d, i < 3 ? d : tokens);
    for (Eigen::Index j = 0; j < weights[i].size(); ++j)
      weights[i].data()[j] = 0.35 * (uniform(i, j) - 0.5);  // a standard deviation of 0.1
  }
  return weights;
}

// The mean cross entropy of the tokens `back` before; and its gradient with respect to the logits.
double loss_of(const Matrix<double>& logits, const Text& text, Matrix<double>& gradient) {
  constexpr double count = batch * (length - back);
  gradient.setZero(logits.rows(), logits.cols());
  double loss = 0;
  for (std::int64_t b = 0; b < batch; ++b)
    for (std::int64_t i = b * length + back; i < (b + 1) * length; ++i) {
      const Eigen::ArrayXd e = (logits.row(i).array() - logits.row(i).maxCoeff()).exp();
      const Eigen::ArrayXd p = e / e.sum();
      const std::int64_t right = text.token[i - back];
      loss -= std::log(p[right]) / count;
      gradient.row(i) = p.matrix().transpose() / count;
      gradient(i, right) -= 1 / count;
    }
  return loss;
}

// The loss of each step.
std::vector<double> train(Attention& attention, double dropout, int steps) {
  Weights weights = initial_weights();
  Adam adam;
  std::vector<double> losses;
  for (int step = 0; step < steps; ++step) {
    Problem p = problem_of(dropout);
    p.dropout_seed = step;
    const Text text(step);
    Inputs inputs{buffer_of(text.x * weights[0]), buffer_of(text.x * weights[1]),
                  buffer_of(text.x * weights[2])};
    const Matrix<double> o = attention.forward(p, inputs);
    Matrix<double> d_logits;
    losses.push_back(loss_of(o * weights[3], text, d_logits));
    inputs.d_o = buffer_of(d_logits * weights[3].transpose());
    const Passes passes = attention.backward(p, inputs);
    const auto x = text.x.transpose();
    adam.step(weights, {x * passes.dq, x * passes.dk, x * passes.dv, o.transpose() * d_logits});
  }
  return losses;
}

// How far apart the losses of a stage and of the reference come.
double farthest(const std::vector<double>& losses, const std::vector<double>& expected) {
  double worst = 0;
  for (std::size_t i = 0; i < losses.size(); ++i)
    worst = std::max(worst, error(losses[i], expected[i]));
  return worst;
}

class Training : public testing::TestWithParam<const char*> {
 protected:
  OfStage stage{find_stage(GetParam())};
  OfReference reference;
};

// Catches gradients that pass alone and do not fit together. Rounding grows from step to step: by
// the last one to 1e-5.
TEST_P(Training, ReachesTheLossOfTheReferenceStepForStep) {
  static const std::vector<double> expected = train(reference, 0, 100);
  const std::vector<double> losses = train(stage, 0, 100);
  EXPECT_LE(farthest(losses, expected), 1e-4);
  EXPECT_GT(losses.front(), 2.7);  // ln 16, of guessing
  EXPECT_LT(losses.back(), 0.01);
}

// Catches a mask that one of the passes has otherwise. Later steps would tell less: a weight of
// almost 1 is dropped or not, and rounding grows with the gradients.
TEST_P(Training, GoesTheSameWayWithDropout) {
  static const std::vector<double> expected = train(reference, 0.1, 60);
  EXPECT_LE(farthest(train(stage, 0.1, 60), expected), 1e-4);
}

INSTANTIATE_TEST_SUITE_P(Stages, Training,
                         testing::Values("00_naive", "02_online_softmax", "03_v2", "04_v3_hopper"),
                         [](const auto& of) { return std::string(of.param); });

}  // namespace
}  // namespace flash
