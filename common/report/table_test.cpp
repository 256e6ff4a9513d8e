#include "report/table.h"

#include <gtest/gtest.h>

#include "report/units.h"

namespace flash {
namespace {

TextTable example() {
  TextTable table({{"name", true}, {"long\nheading"}, {"b", false, true}, {"c"}});
  table.add_row({{"first"}, {"1"}, {"22", Tone::good}, {"333"}});
  table.add_row({{"2nd"}, {"1000000"}, {""}, {"4"}});
  return table;
}

TEST(TextTable, AlignsColumnsAndHeadings) {
  EXPECT_EQ(example().text({100, false}),
            "          long\n"
            "name   heading   b    c\n"
            "first        1  22  333\n"
            "2nd    1000000        4\n");
}

TEST(TextTable, ClosesItsGapsBeforeItMovesColumns) {
  EXPECT_EQ(example().text({20, false}),
            "         long\n"
            "name  heading  b   c\n"
            "first       1 22 333\n"
            "2nd   1000000      4\n");
}

// Column b would still fit; it moves so that its group stays together.
TEST(TextTable, MovesAGroupThatDoesNotFitAndRepeatsTheFirstColumn) {
  EXPECT_EQ(example().text({18, false}),
            "          long\n"
            "name   heading\n"
            "first        1\n"
            "2nd    1000000\n"
            "\n"
            "name    b    c\n"
            "first  22  333\n"
            "2nd          4\n");
}

TEST(TextTable, PaintsWithoutChangingTheLayout) {
  const std::string text = example().text({100, true});
  EXPECT_NE(text.find("first        1  \x1b[32m22\x1b[0m  333\n"), std::string::npos) << text;
}

TEST(Paragraph, BreaksAtTheWidthAndIndentsBelowTheText) {
  EXPECT_EQ(paragraph({16, false}, "label ", "one two three four"),
            "label one two\n"
            "      three four\n");
  EXPECT_EQ(paragraph({8, false}, "", "indivisible word"), "indivisible\nword\n");
}

// A value at a unit's edge must not round to "1000 kB", nor become longer than seven characters.
TEST(Units, RoundWithinTheirWidth) {
  EXPECT_EQ(bytes_text(0), "0 B");
  EXPECT_EQ(bytes_text(999), "999 B");
  EXPECT_EQ(bytes_text(999'499), "999 kB");
  EXPECT_EQ(bytes_text(999'501), "1.00 MB");
  EXPECT_EQ(bytes_text(9'995'001), "10.0 MB");
  EXPECT_EQ(bytes_text(137.4e9), "137 GB");
  EXPECT_EQ(kib_text(147'456), "144 KiB");
  EXPECT_EQ(seconds_text(0.9999), "1.00 s");
  EXPECT_EQ(seconds_text(12.34e-6), "12.3 us");
  EXPECT_EQ(rate_text(123.44), "123.4");
  EXPECT_EQ(rate_text(1234.5), "1234");
  EXPECT_EQ(percent_text(0.9996), "100%");
  EXPECT_EQ(percent_text(0.1234), "12.3%");
  EXPECT_EQ(error_text(1.234e-6), "1.2e-6");
  EXPECT_EQ(error_text(5e-324), "4.9e-324");
  EXPECT_EQ(error_text(0), "0");
}

}  // namespace
}  // namespace flash
