#include "observe/health.h"

#include <gmock/gmock.h>

namespace tollgate {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

TransactionResult delivered(std::uint32_t records) {
  TransactionResult result;
  result.records = records;
  result.count[static_cast<std::size_t>(Outcome::delivered)] = records;
  return result;
}

class HealthTest : public ::testing::Test {
 protected:
  Ledger ledger_;
  Health health_{ledger_, 10s};
  Health::Clock::time_point now_ = Health::Clock::now();
};

TEST_F(HealthTest, ListsConnectedComponents) {
  health_.add({.label = "in_a", .path = "root.input", .kind = "input"});
  const auto connected = [] { return true; };
  health_.add({.label = "", .path = "root.output", .kind = "output", .connected = connected});
  const auto report = health_.report(now_);
  EXPECT_EQ(report.status(), 200);
  EXPECT_EQ(report.body,
            "{\"statuses\":[{\"label\":\"in_a\",\"path\":\"input\",\"connected\":true},"
            "{\"label\":\"\",\"path\":\"output\",\"connected\":true}]}\n");
}

TEST_F(HealthTest, IsNotReadyWhileAComponentIsNotConnected) {
  const auto number = health_.add({.label = "",
                                   .path = "root.output",
                                   .kind = "output",
                                   .connected = [] { return false; },
                                   .error = [] { return "connection \"refused\""; }});
  const auto report = health_.report(now_);
  EXPECT_EQ(report.status(), 503);
  EXPECT_EQ(report.body,
            "{\"statuses\":[{\"label\":\"\",\"path\":\"output\",\"connected\":false,"
            "\"error\":\"connection \\\"refused\\\"\"}]}\n");
  health_.remove(number);
  EXPECT_EQ(health_.report(now_).body, "{\"statuses\":[]}\n");
  EXPECT_TRUE(health_.report(now_).ready);
}

TEST_F(HealthTest, NoticesWorkThatDoesNotMove) {
  ledger_.receive(5);
  EXPECT_TRUE(health_.report(now_).ready);
  health_.observe(now_ + 9s);
  EXPECT_TRUE(health_.report(now_ + 9s).ready);
  const auto report = health_.report(now_ + 12s);
  EXPECT_FALSE(report.ready);
  EXPECT_THAT(report.body,
              HasSubstr("\"reason\":\"nothing was delivered for 12 s: 5 records are pending, 0 failed\""));
  ledger_.settle(delivered(1));
  EXPECT_TRUE(health_.report(now_ + 13s).ready);
  EXPECT_FALSE(health_.report(now_ + 23s).ready);
  ledger_.settle(delivered(4));
  EXPECT_TRUE(health_.report(now_ + 24s).ready);
}

TEST_F(HealthTest, WorkAfterAnIdleTimeIsNotAStall) {
  health_.observe(now_);
  ledger_.receive(1);
  EXPECT_TRUE(health_.report(now_ + 1h).ready);
  EXPECT_TRUE(health_.report(now_ + 1h + 9s).ready);
  EXPECT_FALSE(health_.report(now_ + 1h + 10s).ready);
}

TEST_F(HealthTest, WorkThatFailsAgainAndAgainIsAStall) {
  TransactionResult failed;
  failed.records = 3;
  failed.count[static_cast<std::size_t>(Outcome::failed)] = 3;
  for (auto at = 0s; at <= 9s; at += 3s) {
    ledger_.receive(3);
    ledger_.settle(failed);  // its sender sends it again three seconds later
    EXPECT_TRUE(health_.report(now_ + at).ready);
  }
  ledger_.receive(3);
  ledger_.settle(failed);
  EXPECT_THAT(health_.report(now_ + 12s).body,
              HasSubstr("nothing was delivered for 12 s: 0 records are pending, 15 failed"));
  // The sender went away: nothing waits any more.
  EXPECT_TRUE(health_.report(now_ + 20s).ready);
}

TEST_F(HealthTest, StallsMayBeAllowed) {
  Health patient(ledger_, 0s);
  ledger_.receive(1);
  patient.observe(now_);
  EXPECT_TRUE(patient.report(now_ + 1h).ready);
}

TEST_F(HealthTest, IsNotReadyWithAnUnbalancedLedger) {
  ledger_.settle(delivered(1));
  const auto report = health_.report(now_);
  EXPECT_EQ(report.status(), 503);
  EXPECT_THAT(report.body, HasSubstr("\"reason\":\"the ledger does not balance: received 0 != "));
}

TEST_F(HealthTest, TellsFaultsUntilTheyAreCleared) {
  health_.set_fault("stream", "the stream has terminated");
  health_.set_fault("brake", "every event fails");
  EXPECT_EQ(health_.report(now_).body,
            "{\"statuses\":[],\"error\":\"every event fails; the stream has terminated\"}\n");
  health_.clear_fault("brake");
  EXPECT_EQ(health_.report(now_).status(), 503);
  health_.clear_fault("stream");
  EXPECT_EQ(health_.report(now_).status(), 200);
}

}  // namespace
}  // namespace tollgate
