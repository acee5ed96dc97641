#include "unit_tests/text_difference.h"

#include <gtest/gtest.h>

namespace tollgate {
namespace {

TEST(LineDifference, ShowsOnlyWhatDiffers) {
  EXPECT_EQ(line_difference("one", "two"), "");
  EXPECT_EQ(line_difference("a\nb\nc\nd\ne", "a\nx\nc\ny\nz\ne"),
            "\n  lines that differ, from line 2:"
            "\n  - b\n  + x\n    c\n  - d\n  + y\n  + z");
  EXPECT_EQ(line_difference("a\nb", "a\nb\n"), "\n  lines that differ, from line 3:\n  + ");
}

TEST(LineDifference, GivesUpOnAligningVeryLongTexts) {
  std::string left, right;
  for (int i = 0; i < 2000; ++i) {
    left += "l" + std::to_string(i) + "\n";
    right += "r" + std::to_string(i) + "\n";
  }
  const auto text = line_difference(left, right);
  EXPECT_NE(text.find("\n  - l1999\n  + r0\n"), text.npos);
}

}  // namespace
}  // namespace tollgate
