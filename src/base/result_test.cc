#include "base/result.h"

#include <gtest/gtest.h>

#include <memory>

namespace tollgate {
namespace {

Result<int> half(int number) {
  if (number % 2 != 0) return invalid("odd");
  return number / 2;
}

Result<int> quarter(int number) {
  const int once = TRY(half(number));
  return TRY(half(once));
}

Result<std::unique_ptr<int>> boxed(bool ok) {
  if (!ok) return transient("empty");
  return std::make_unique<int>(7);
}

Result<> check(bool ok) {
  if (!ok) return cancelled("stopping");
  return {};
}

Result<int> all(bool ok) {
  TRY(check(ok));
  const std::unique_ptr<int> box = TRY(boxed(ok));
  return *box;
}

TEST(Result, TryUnwrapsOrReturnsTheError) {
  EXPECT_EQ(quarter(8).value(), 2);
  ASSERT_FALSE(quarter(6).has_value());
  EXPECT_EQ(quarter(6).error().message(), "odd");
  EXPECT_EQ(quarter(6).error().fault(), Fault::invalid);
}

TEST(Result, TryTakesMoveOnlyValuesAndNothing) {
  EXPECT_EQ(all(true).value(), 7);
  EXPECT_EQ(all(false).error().fault(), Fault::cancelled);
  EXPECT_EQ(boxed(false).error().fault(), Fault::transient);
}

TEST(Result, ErrorsSayWhereTheyHappened) {
  Error error(Fault::invalid, "at offset 3");
  error = std::move(error).within("field key").within("input");
  EXPECT_EQ(error.message(), "input: field key: at offset 3");
}

}  // namespace
}  // namespace tollgate
