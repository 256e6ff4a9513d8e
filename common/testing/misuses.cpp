// Operations used with tiles that do not fit: misuses.sh compiles one at a time, and looks for what
// the compiler has to say.
#include "tile/cpu/backend.h"

namespace tile {

template <class Block>
void kernel(Block& block, const HbmMatrix& hbm, const HbmVector& statistic) {
  LeftTile<Block, 128, 64> Q(block, "Q");
  RightTile<Block, 32, 64> K(block, "K"), V(block, "V");
  Accumulator<Block, 128, 32> S(block, "S");
  Operand<Block, 128, 32> P(block, "P");
  Accumulator<Block, 128, 64> O(block, "O");
  RowVector<Block, 128> m(block, "m"), l(block, "l");
  RowVector<Block, 64> other(block, "other");
#if MISUSE == 1  // mma_AB(O, P, V): O is Accumulator 128 x 64, P is Accumulator 128 x 32
  mma_AB(O, S, V);
#elif MISUSE == 2   // mma_ABt(S, Q, K): S is Accumulator 128 x 64, Q is LeftTile 128 x 64, K is R
  mma_ABt(O, Q, K);
#elif MISUSE == 3   // mma_AB(O, P, V, r): O is Accumulator 128 x 64, P is Operand 128 x 32, V is Ri
  mma_AB(O, P, V, other);
#elif MISUSE == 4   // convert(to, from): to is Accumulator 128 x 32, from is Operand 128 x 32; exp
  convert(S, P);
#elif MISUSE == 5   // update_row_max(m, S): m is RowVector 64 x 1, S is Accumulator 128 x 32
  update_row_max(other, S);
#elif MISUSE == 6   // exp2_difference(S, m): S is Accumulator 128 x 32, m is RowVector 64 x 1
  exp2_difference(S, other, 1);
#elif MISUSE == 7   // divide_rows(O, l): O is RowVector 128 x 1, l is Accumulator 128 x 64
  divide_rows(l, O);
#elif MISUSE == 8   // copy(to, from): to is RowVector 128 x 1, from is RowVector 64 x 1
  copy(m, other);
#elif MISUSE == 9   // load: the tile is LeftTile 128 x 64, expected a RowVector
  load(Q, statistic, 0);
#elif MISUSE == 10  // store: the tile is RightTile 32 x 64, expected an Accumulator
  store(hbm, 0, K);
#elif MISUSE == 11  // log_sum_exp(lse, m, l): lse is Accumulator 128 x 64, m is RowVector 128 x 1
  log_sum_exp(O, m, l);
#elif MISUSE == 12  // mma_AB(O, P, V): O is Accumulator 128 x 64, P is Operand 128 x 32, V is LeftT
  mma_AB_async(O, P, Q);
#elif MISUSE == 13  // fill(t, x): t is RightTile 32 x 64, expected a tile in registers or a LeftTil
  fill(K, 0);
#elif MISUSE == 14  // mask_causal(S, d): S is RightTile 32 x 64, expected a tile in registers or a
  mask_causal(K, 0);
#elif MISUSE == 15  // load: the tile is RowVector 128 x 1, which has no room for the rows of
  load(m, hbm, 0);
#endif
}

template void kernel(cpu::Block&, const HbmMatrix&, const HbmVector&);

}  // namespace tile
