// Plants each misuse that checked mode is for, and asks for its report by name.
#include <gtest/gtest.h>

#include <array>

#include "testing/kernel.h"

namespace tile {
namespace {

constexpr int rows_q = 128, rows_k = 32, dim = 32;

// A tensor [100, 32] of ones.
struct Hbm {
  std::array<float, 100 * dim> data;
  HbmMatrix matrix{Tensor::O, DType::f32, reinterpret_cast<std::byte*>(data.data()), 100, dim, dim};
  HbmVector vector{Tensor::LSE, data.data(), 100};

  Hbm() { data.fill(1); }
};

// The message of the TileError that a kernel of one block ends with; empty if it ends well.
template <class Kernel>
std::string report(const Kernel& kernel) {
  cpu::Device device;
  device.set_checked(true);
  try {
    launch_lambda(device, "planted", {1, 1, 1}, DType::f32, kernel);
  } catch (const TileError& error) {
    return error.what();
  }
  return "";
}

// One misuse of unwritten memory per operation.
template <class Kernel>
void expect_unwritten(const std::string& what, const Kernel& kernel) {
  EXPECT_EQ(report(kernel), "planted, block (0, 0, 0): " + what + ", which nothing wrote");
}

template <class Block>
struct Tiles {
  LeftTile<Block, rows_q, dim> Q;
  RightTile<Block, rows_k, dim> K;
  Accumulator<Block, rows_q, rows_k> S;
  Operand<Block, rows_q, rows_k> P;
  Accumulator<Block, rows_q, dim> O;
  RowVector<Block, rows_q> m, l;

  explicit Tiles(Block& block)
      : Q(block, "Q"),
        K(block, "K"),
        S(block, "S"),
        P(block, "P"),
        O(block, "O"),
        m(block, "m"),
        l(block, "l") {}
};

template <class Use>
auto with_tiles(Use use) {
  return [use](auto& block) {
    Tiles<std::remove_reference_t<decltype(block)>> tiles(block);
    Hbm hbm;
    use(tiles, hbm);
  };
}

TEST(CheckedMode, ProductOfAnUnwrittenLeftTile) {
  expect_unwritten("mma_ABt reads Q[0, 0]", with_tiles([](auto& t, Hbm& hbm) {
                     load(t.K, hbm.matrix, 0);
                     mma_ABt(t.S, t.Q, t.K);
                   }));
}

TEST(CheckedMode, ProductOfAnUnwrittenRightTile) {
  expect_unwritten("mma_ABt reads K[0, 0]", with_tiles([](auto& t, Hbm& hbm) {
                     load(t.Q, hbm.matrix, 0);
                     mma_ABt(t.S, t.Q, t.K);
                   }));
}

TEST(CheckedMode, ProductOfAnOperandThatNothingConverted) {
  expect_unwritten("mma_AB reads P[0, 0]", with_tiles([](auto& t, Hbm& hbm) {
                     load(t.K, hbm.matrix, 0);
                     fill(t.O, 0);
                     mma_AB(t.O, t.P, t.K);
                   }));
}

// Catches S used after its registers became P's.
TEST(CheckedMode, AnAccumulatorThatWasConverted) {
  expect_unwritten("add_row_sum reads S[0, 0]", with_tiles([](auto& t, Hbm&) {
                     fill(t.S, 1);
                     fill(t.l, 0);
                     convert(t.P, t.S);
                     add_row_sum(t.l, t.S);
                   }));
}

TEST(CheckedMode, AccumulatingIntoAnUnwrittenTile) {
  expect_unwritten("mma_AB reads O[0, 0]", with_tiles([](auto& t, Hbm& hbm) {
                     load(t.K, hbm.matrix, 0);
                     fill(t.P, 1);
                     mma_AB(t.O, t.P, t.K);
                   }));
}

TEST(CheckedMode, EveryRowOperationOfAnUnwrittenTile) {
  expect_unwritten("update_row_max reads m[0, 0]", with_tiles([](auto& t, Hbm&) {
                     fill(t.S, 0);
                     update_row_max(t.m, t.S);
                   }));
  expect_unwritten("add_row_sum reads S[0, 0]", with_tiles([](auto& t, Hbm&) {
                     fill(t.l, 0);
                     add_row_sum(t.l, t.S);
                   }));
  expect_unwritten("exp2_difference reads m[0, 0]", with_tiles([](auto& t, Hbm&) {
                     fill(t.S, 0);
                     exp_difference(t.S, t.m);
                   }));
  expect_unwritten("exp2_difference reads l[0, 0]", with_tiles([](auto& t, Hbm&) {
                     fill(t.m, 0);
                     exp_difference(t.l, t.m);
                   }));
  expect_unwritten("scale reads S[0, 0]", with_tiles([](auto& t, Hbm&) { scale(t.S, 2); }));
  expect_unwritten("copy reads m[0, 0]", with_tiles([](auto& t, Hbm&) { copy(t.l, t.m); }));
  expect_unwritten("mask_end reads S[0, 0]", with_tiles([](auto& t, Hbm&) { mask_end(t.S, 1); }));
  expect_unwritten("mask_causal reads S[0, 0]",
                   with_tiles([](auto& t, Hbm&) { mask_causal(t.S, 1); }));
  expect_unwritten("multiply_rows reads l[0, 0]", with_tiles([](auto& t, Hbm&) {
                     fill(t.O, 0);
                     multiply_rows(t.O, t.l);
                   }));
  expect_unwritten("divide_rows reads O[0, 0]", with_tiles([](auto& t, Hbm&) {
                     fill(t.l, 1);
                     divide_rows(t.O, t.l);
                   }));
  expect_unwritten("log_sum_exp reads l[0, 0]", with_tiles([](auto& t, Hbm&) {
                     fill(t.m, 0);
                     log_sum_exp(t.m, t.m, t.l);
                   }));
}

TEST(CheckedMode, StoreOfAnUnwrittenTile) {
  expect_unwritten("store reads O[0, 0]",
                   with_tiles([](auto& t, Hbm& hbm) { store(hbm.matrix, 0, t.O); }));
  expect_unwritten("store reads l[0, 0]",
                   with_tiles([](auto& t, Hbm& hbm) { store(hbm.vector, 0, t.l); }));
}

TEST(CheckedMode, StoreOutsideTheTensor) {
  const auto at = [](std::int64_t row, std::int64_t col) {
    return report(with_tiles([=](auto& t, Hbm& hbm) {
      fill(t.O, 0);
      store(hbm.matrix, row, col, t.O);
    }));
  };
  const std::string place = "planted, block (0, 0, 0): store of tile O begins at ";
  EXPECT_EQ(at(100, 0), place + "row 100, outside the 100 of tensor O");
  EXPECT_EQ(at(-1, 0), place + "row -1, outside the 100 of tensor O");
  EXPECT_EQ(at(0, 32), place + "column 32, outside the 32 of tensor O");
  EXPECT_EQ(at(64, 0), "");  // the tail of a tile may reach past the end; it is dropped
  EXPECT_EQ(report(with_tiles([](auto& t, Hbm& hbm) {
              fill(t.l, 0);
              store(hbm.vector, 128, t.l);
            })),
            "planted, block (0, 0, 0): store of tile l begins at row 128, outside the 100 of "
            "tensor LSE");
}

// Workspace that nothing wrote is found where its values are used; also where a run before has left
// the right ones.
TEST(CheckedMode, WorkspaceThatNothingWrote) {
  cpu::Device device;
  device.set_checked(true);
  const std::int64_t bytes = std::int64_t{rows_q} * dim * 4;
  const auto read = [&](bool write_first) -> std::string {
    const HbmMatrix held{Tensor::O, DType::f32, device.workspace(Tensor::O, bytes),
                         rows_q,    dim,        dim};
    try {
      launch_lambda(device, "planted", {1, 1, 1}, DType::f32, with_tiles([&](auto& t, Hbm& hbm) {
                      fill(t.O, 1);
                      if (write_first) store(held, 0, t.O);
                      load(t.O, held, 0);
                      store(hbm.matrix, 0, t.O);
                    }));
    } catch (const TileError& error) {
      return error.what();
    }
    return "";
  };
  constexpr char report[] = "planted, block (0, 0, 0): store reads O[0, 0], which nothing wrote";
  EXPECT_EQ(read(false), report);
  EXPECT_EQ(read(true), "");
  EXPECT_EQ(read(false), "");
  device.forget_workspace();
  EXPECT_EQ(read(false), report);
}

// Catches a kernel that takes a head, a sequence or a split for another: it would read beyond HBM.
TEST(CheckedMode, ViewOfAHeadThatTheTensorDoesNotHave) {
  EXPECT_EQ(report(with_tiles([](auto& t, Hbm& hbm) {
              HbmMatrix wrong = hbm.matrix;
              wrong.outside = {"head", 7, 4};
              load(t.Q, wrong, 0);
            })),
            "planted, block (0, 0, 0): load of tile Q: head 7 is outside the 4 of tensor O");
}

TEST(CheckedMode, LoadOutsideTheTensor) {
  EXPECT_EQ(report(with_tiles([](auto& t, Hbm& hbm) { load(t.Q, hbm.matrix, -64); })),
            "planted, block (0, 0, 0): load of tile Q begins at row -64, outside the 100 of tensor "
            "O");
}

// Catches a tile shape that no GPU could run; reported with checking off as well.
TEST(OnChipCapacity, NamesTheTilesAndTheirSizes) {
  cpu::Device device(find_gpu("a100"));
  const auto kernel = [](auto& block) {
    using Block = std::remove_reference_t<decltype(block)>;
    LeftTile<Block, 128, 256> Q(block, "Q");
    RightTile<Block, 64, 256> K(block, "K");
  };
  try {
    launch_lambda(device, "planted", {1, 1, 1}, DType::f32, kernel);
    FAIL() << "192 KB were accepted";
  } catch (const TileError& error) {
    EXPECT_STREQ(
        error.what(),
        "planted, block (0, 0, 0): Q 131072 + K 65536 bytes of shared memory do not fit in "
        "the 166912 of a100");
  }
  cpu::Device larger(find_gpu("h100"));
  EXPECT_NO_THROW(launch_lambda(larger, "planted", {1, 1, 1}, DType::f32, kernel));
}

}  // namespace
}  // namespace tile
