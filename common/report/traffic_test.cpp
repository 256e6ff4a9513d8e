#include "report/traffic.h"

#include <gtest/gtest.h>

#include "attention/tensor.h"

namespace flash {
namespace {

tile::Counters counters(std::int64_t Q, std::int64_t K, std::int64_t O) {
  tile::Counters counters;
  counters.hbm_read[Tensor::Q] = Q;
  counters.hbm_read[Tensor::K] = K;
  counters.hbm_write[Tensor::O] = O;
  return counters;
}

std::string hint(const tile::Counters& counted) {
  return traffic_hint(counted, counters(1000, 4000, 1000));
}

TEST(Traffic, NamesTheTensorAndTheLoop) {
  EXPECT_EQ(hint(counters(1000, 4000, 1000)), "");
  EXPECT_EQ(hint(counters(1001, 4000, 1000)), "");
  EXPECT_EQ(hint(counters(4000, 4000, 1000)),
            "Q is read 4 times as often as it should be: does its load stand in the loop over "
            "keys, or is a condition true too often?");
  EXPECT_EQ(hint(counters(1000, 12000, 1000)),
            "K is read 3 times as often as it should be: does its load stand in a loop over "
            "queries, or is it done for every query head of a group?");
  EXPECT_EQ(hint(counters(1000, 5000, 1000)),
            "K is read 1.25 times as often as it should be: are tiles above the diagonal, or past "
            "the end, read as well?");
  EXPECT_EQ(hint(counters(1000, 2000, 1000)),
            "K is read 0.5 times as often as it should be: is one of its loads missing, or does a "
            "loop or the grid leave out tiles?");
  EXPECT_EQ(hint(counters(1980, 4000, 1000)),
            "Q is read 1.98 times as often as it should be: does its load begin at the right row, "
            "and stand in the right loop?");
  EXPECT_EQ(hint(counters(1000, 4000, 5000)),
            "O is written 5 times as often as it should be: does its store stand in the loop over "
            "keys, or is a condition true too often?");
  EXPECT_EQ(hint(counters(1000, 4000, 0)), "O is never written: is a store missing?");
}

TEST(Traffic, NamesWhatNeedNotBeMoved) {
  tile::Counters counted = counters(1000, 4000, 1000);
  counted.hbm_read[Tensor::O] = 1000;
  EXPECT_EQ(hint(counted), "O is read, and need not be");
}

}  // namespace
}  // namespace flash
