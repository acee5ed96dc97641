#include "components/outputs/dead_letter.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "components/outputs/test_support.h"
#include "components/outputs/valid_events.h"

namespace tollgate {
namespace {

using namespace outputs_test;
using testing::ElementsAre;
using testing::HasSubstr;

Destination::Script answering(std::map<std::string, int> by_body) {
  return [by_body = std::move(by_body)](int, const ServerRequest& request, Responder responder) {
    const auto found = by_body.find(request.body);
    responder.respond(ServerResponse::text(found == by_body.end() ? 200 : found->second, "why"));
  };
}

std::string client(const Destination& destination, std::string_view letters) {
  return fmt::format("http_client:\n  url: {}\n  retries: 0\n  dead_letter: {}\n",
                     destination.url(), letters);
}

std::string letters_to(const Destination& destination) {
  return fmt::format("{{http_client: {{url: '{}', retries: 0, metadata: {{include_prefixes: "
                     "[dead_letter]}}}}}}",
                     destination.url());
}

TEST(DeadLetterTest, TakesWhatWasRefusedAndOnlyThat) {
  Bench bench;
  Destination destination(answering({{"poison", 400}, {"late", 503}})), letters(statuses({}));
  auto output = bench.output(client(destination, letters_to(letters)));
  const WriteResult result = Written(*output, batch_of({"a", "poison", "late"})).wait();
  EXPECT_EQ(result.of(0).outcome, Outcome::delivered);
  EXPECT_EQ(result.of(1).outcome, Outcome::dead_lettered);
  EXPECT_THAT(reason(result.of(1)), HasSubstr("(400)"));
  EXPECT_EQ(result.of(2).outcome, Outcome::failed);
  EXPECT_EQ(result.of(2).refusal, Refusal::none);
  EXPECT_THAT(letters.bodies(), ElementsAre("poison"));
  EXPECT_THAT(*letters.requests()[0].header("Dead_letter_reason"), HasSubstr("(400)"));
}

TEST(DeadLetterTest, WhatCannotBeSetAsideStaysWithItsSender) {
  Bench bench;
  Destination destination(answering({{"poison", 400}}));
  auto output = bench.output(client(destination, "{reject: 'disk full'}"));
  const WriteResult result = Written(*output, batch_of({"a", "poison"})).wait();
  EXPECT_EQ(result.of(0).outcome, Outcome::delivered);
  EXPECT_EQ(result.of(1).outcome, Outcome::failed);
  EXPECT_EQ(result.of(1).refusal, Refusal::none);
  EXPECT_THAT(reason(result.of(1)), HasSubstr("dead_letter failed: disk full"));
  EXPECT_THAT(reason(result.of(1)), HasSubstr("(400)"));
  auto dropping = bench.output(client(destination, "{drop: {}}"));
  EXPECT_EQ(Written(*dropping, batch_of({"poison"})).wait().of(0).outcome, Outcome::dead_lettered);
}

TEST(DeadLetterTest, AFallbackSetsAsideWhatWasRefused) {
  Bench bench;
  Destination destination(answering({{"poison", 400}, {"late", 503}})), other(statuses({}));
  auto output = bench.output(
      fmt::format("fallback: [{{http_client: {{url: '{}', retries: 0}}}}, "
                  "{{http_client: {{url: '{}'}}}}]",
                  destination.url(), other.url()));
  const WriteResult result = Written(*output, batch_of({"a", "poison", "late"})).wait();
  EXPECT_EQ(result.of(0).outcome, Outcome::delivered);
  EXPECT_EQ(result.of(1).outcome, Outcome::dead_lettered);
  EXPECT_THAT(reason(result.of(1)), HasSubstr("(400)"));
  EXPECT_EQ(result.of(2).outcome, Outcome::delivered) << "trouble of the first is no refusal";
}

TEST(DeadLetterTest, RejectErroredInAFallback) {
  Bench bench;
  auto output = bench.output("fallback: [{reject_errored: {drop: {}}}, {drop: {}}]");
  Batch batch = batch_of({"a", "bad"});
  batch[1].set_error("failed assignment (line 3)");
  const WriteResult result = Written(*output, std::move(batch)).wait();
  EXPECT_EQ(result.of(0).outcome, Outcome::delivered);
  EXPECT_EQ(result.of(1).outcome, Outcome::dead_lettered);
  EXPECT_THAT(reason(result.of(1)), HasSubstr("failed assignment (line 3)"));
}

TEST(ValidEventsTest, SaysWhatIsWrong) {
  const struct {
    std::string_view event, wrong;
  } cases[] = {
      {R"({"id":"1","source":"s","type":"t","subject":"u","specversion":"1.0"})", ""},
      {R"({"id":"1","source":"s","type":"t","subject":"u","specversion":"1.0","time":null})", ""},
      {R"({"id":"1","source":"s","type":"t","subject":"u","specversion":"1.0",)"
       R"("time":"2026-01-31T12:00:00.5+01:00","data":{}})",
       ""},
      {R"({"id":"1","source":"s","type":"t","subject":"u","specversion":"1.0","time":"today"})",
       "'time' is no RFC 3339 time"},
      {R"({"id":"1","source":"s","type":"t","subject":"u","specversion":"1.0","time":5})",
       "'time' is no RFC 3339 time"},
      {R"({"source":"s","type":"t","subject":"u","specversion":"1.0"})", "'id' is missing"},
      {R"({"id":"1","source":"s","type":"t","specversion":"1.0"})", "'subject' is missing"},
      {R"({"id":"1","source":"","type":"t","subject":"u","specversion":"1.0"})",
       "'source' is empty"},
      {R"({"id":"1","source":"s","type":7,"subject":"u","specversion":"1.0"})",
       "'type' is no string"},
      {R"({"id":"1","source":"s","type":"t","subject":"u"})", "'specversion' is missing"},
      {"[]", "it is no JSON object"},
      {"no json", "invalid character"},
  };
  for (const auto& each : cases) {
    Batch batch = batch_of({std::string(each.event)});
    const std::string wrong = why_no_event(batch[0]);
    if (each.wrong.empty()) {
      EXPECT_EQ(wrong, "") << each.event;
    } else {
      EXPECT_THAT(wrong, HasSubstr(each.wrong)) << each.event;
    }
  }
}

TEST(ValidEventsTest, OpenMeterSetsThemAsideBeforeTheyAreSent) {
  Bench bench;
  Destination destination(statuses({})), letters(statuses({}));
  auto output = bench.output(fmt::format("openmeter: {{url: '{}', dead_letter: {}}}",
                                         destination.url(""), letters_to(letters)));
  const std::string event =
      R"({"id":"1","source":"s","specversion":"1.0","subject":"u","type":"t"})";
  Batch batch = batch_of({event, "{}", event});
  batch[1].set_error("failed assignment (line 3)");
  const WriteResult result = Written(*output, std::move(batch)).wait();
  EXPECT_EQ(result.of(0).outcome, Outcome::delivered);
  EXPECT_EQ(result.of(1).outcome, Outcome::dead_lettered);
  EXPECT_EQ(result.of(2).outcome, Outcome::delivered);
  EXPECT_THAT(destination.bodies(), ElementsAre("[" + event + "," + event + "]"));
  EXPECT_THAT(*letters.requests().at(0).header("Dead_letter_reason"),
              HasSubstr("'id' is missing; its processing failed: failed assignment (line 3)"));
}

}  // namespace
}  // namespace tollgate
