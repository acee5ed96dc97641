#include "sandbox/sandbox.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <latch>

#include "net/http_client.h"
#include "sandbox/cloud_event.h"
#include "sandbox/meter.h"
#include "sandbox/sqlite.h"

namespace tollgate {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kOne = "application/cloudevents+json";
constexpr const char* kBatch = "application/cloudevents-batch+json";

/// An event of the type that the default meters are about.
std::string event(std::string_view id, std::string_view subject = "anna", int duration = 5,
                  std::string_view time = "2026-01-02T03:04:05Z", std::string_view method = "GET") {
  return fmt::format(R"({{"id":"{}","source":"test","specversion":"1.0","type":"api-calls",)"
                     R"("subject":"{}","time":"{}","data":{{"method":"{}","path":"/","region":"eu",)"
                     R"("duration_ms":{}}}}})",
                     id, subject, time, method, duration);
}

class SandboxTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/tollgate_sandbox_test_XXXXXX";
    folder_ = ::mkdtemp(name);
  }
  void TearDown() override {
    sandbox_ = nullptr;
    std::filesystem::remove_all(folder_);
  }

  void start(Sandbox::Options options = {}) {
    sandbox_ = nullptr;
    options.listen = "127.0.0.1:0";
    options.database = folder_ + "/events.db";
    auto started = Sandbox::start(std::move(options));
    ASSERT_TRUE(started) << started.error().message();
    sandbox_ = std::move(*started);
  }

  std::string url(std::string_view path) {
    return fmt::format("http://127.0.0.1:{}{}", sandbox_->port(), path);
  }
  Result<HttpResponse> send(std::string method, std::string_view path, HttpHeaders headers = {},
                            std::string body = {}) {
    HttpRequest request;
    request.method = std::move(method);
    request.url = url(path);
    request.headers = std::move(headers);
    request.body = std::move(body);
    return client_.fetch(std::move(request));
  }
  HttpResponse post(std::string_view path, const char* type, std::string body) {
    auto answer = send("POST", path, {{"Content-Type", type}}, std::move(body));
    return answer ? *answer : HttpResponse{0, std::string(answer.error().message()), {}, {}, ""};
  }
  HttpResponse ingest(std::string body, const char* type = "application/json") {
    return post("/v3/openmeter/events", type, std::move(body));
  }
  std::string get(std::string_view path) {
    const auto answer = send("GET", path);
    return answer ? answer->body : std::string(answer.error().message());
  }

  std::string folder_;
  std::unique_ptr<Sandbox> sandbox_;
  HttpClient client_;
};

TEST_F(SandboxTest, TakesEveryContentTypeOfBothApis) {
  start();
  struct Row {
    const char* name;
    const char* path;
    const char* type;
    std::string body;
    int status;
  };
  const std::string v1 = "/api/v1/events", v3 = "/v3/openmeter/events";
  const std::string one = event("1"), list = "[" + event("2") + "," + event("3") + "]";
  for (const Row& row : {
           Row{"v3 one", v3.c_str(), kOne, one, 202},
           Row{"v3 batch", v3.c_str(), kBatch, list, 202},
           Row{"v3 json, one", v3.c_str(), "application/json", one, 202},
           Row{"v3 json, list", v3.c_str(), "application/json", list, 202},
           Row{"v3 with a charset", v3.c_str(), "Application/JSON; charset=utf-8", one, 202},
           Row{"v1 one", v1.c_str(), kOne, one, 204},
           Row{"v1 batch", v1.c_str(), kBatch, list, 204},
           Row{"v1 with a charset", v1.c_str(), "application/json; charset=utf-8", one, 400},
           Row{"one where a batch is due", v3.c_str(), kBatch, one, 400},
           Row{"a batch where one is due", v3.c_str(), kOne, list, 400},
           Row{"another type", v3.c_str(), "text/plain", one, 400},
           Row{"no JSON", v3.c_str(), kOne, "{", 400},
           Row{"a string", v3.c_str(), "application/json", "\"x\"", 400},
           Row{"no UTF-8", v3.c_str(), "application/json", "[\"\xff\"]", 400},
           Row{"an empty batch", v3.c_str(), kBatch, "[]", 202},
       }) {
    EXPECT_EQ(post(row.path, row.type, row.body).status, row.status) << row.name;
  }
  EXPECT_THAT(get("/api/v1/sandbox/stats"), HasSubstr(R"("received":10,"stored":3,"duplicates":7,"conflicts":0)"));
}

TEST_F(SandboxTest, TakesBinaryMode) {
  start();
  const HttpHeaders headers = {{"Content-Type", "application/json"}, {"ce-id", "b1"},
                               {"ce-source", "bin"},   {"ce-specversion", "1.0"},
                               {"ce-type", "api-calls"}, {"ce-subject", "J%C3%BCrgen"}};
  const auto answer = send("POST", "/api/v1/events", headers, R"({"method":"PUT"})");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 204) << answer->body;
  EXPECT_THAT(get("/events"), HasSubstr(R"("subject":"Jürgen")"));
  EXPECT_THAT(get("/events"), HasSubstr(R"("data":{"method":"PUT"})"));
}

TEST_F(SandboxTest, SaysWhatIsWrongWithWhichEvent) {
  start();
  struct Row {
    const char* name;
    const char* from;  ///< replaced in a good event
    const char* to;
    const char* reason;
  };
  for (const Row& row : {
           Row{"no id", R"("id":"x",)", "", "event 1: id: expected a non-empty string, found nothing"},
           Row{"empty id", R"("id":"x")", R"("id":"")", R"(found string \"\")"},
           Row{"number id", R"("id":"x")", R"("id":7)", "event 1: id: expected a non-empty string, found number 7"},
           Row{"source", R"("test")", R"("a b")", "event 1: source: expected a URI reference"},
           Row{"version", R"("1.0")", R"("0.3")", R"(event 1: specversion: expected \"1.0\", found string \"0.3\")"},
           Row{"type", R"("api-calls")", "null", "event 1: type: expected a non-empty string, found null"},
           Row{"subject", R"("subject":"anna",)", "", "event 1: subject:"},
           Row{"time", "2026-01-02T03:04:05Z", "yesterday", "event 1: time: expected an RFC 3339 time"},
           Row{"data", R"("data":{)", R"("data":[],"x":{)", "event 1: data: expected a JSON object or null, found an array"},
           Row{"content type", R"("id":"x")", R"("id":"x","datacontenttype":"text/xml")", "event 1: datacontenttype:"},
           Row{"extension", R"("id":"x")", R"("id":"x","trace":"1")", "event 1: trace: expected no additional attributes"},
       }) {
    std::string bad = event("x");
    const auto at = bad.find(row.from);
    ASSERT_NE(at, std::string::npos) << row.name;
    bad.replace(at, std::string_view(row.from).size(), row.to);
    const auto answer = ingest("[" + event("good") + "," + bad + "]");
    EXPECT_EQ(answer.status, 400) << row.name;
    EXPECT_THAT(answer.body, HasSubstr(row.reason)) << row.name;
    EXPECT_EQ(*answer.header("Content-Type"), "application/problem+json") << row.name;
  }
  EXPECT_THAT(get("/api/v1/sandbox/stats"), HasSubstr(R"("stored":0)"));
  EXPECT_THAT(get("/api/v1/sandbox/stats"), HasSubstr(R"("rejected":11)"));
}

TEST_F(SandboxTest, TakesExtensionsWhereTheApiDoes) {
  std::string extended = event("e");
  extended.insert(1, R"("traceid":"abc","count":3,)");
  start();
  EXPECT_EQ(ingest(extended).status, 400);
  EXPECT_EQ(post("/api/v1/events", kOne, extended).status, 204);
  extended.insert(1, R"("Bad_Name":"x",)");
  EXPECT_EQ(post("/api/v1/events", kOne, extended).status, 400);
  Sandbox::Options options;
  options.allow_extensions = true;
  start(options);
  std::string other = event("f");
  other.insert(1, R"("traceid":"abc",)");
  EXPECT_EQ(ingest(other).status, 202);
}

TEST_F(SandboxTest, StoresEachIdOnceAlsoAcrossRestarts) {
  start();
  EXPECT_EQ(ingest(event("1")).status, 202);
  // The order of keys does not matter, and null means absent.
  std::string same = event("1");
  same.insert(1, R"("dataschema":null,)");
  const auto duplicate = ingest(same);
  EXPECT_EQ(*duplicate.header("X-Sandbox-Duplicates"), "1");
  start();
  const auto again = ingest("[" + event("1") + "," + event("1", "otto") + "]");
  EXPECT_EQ(again.status, 202);
  EXPECT_EQ(*again.header("X-Sandbox-Duplicates"), "1");
  EXPECT_EQ(*again.header("X-Sandbox-Conflicts"), "1");
  EXPECT_THAT(get("/api/v1/sandbox/stats"),
              HasSubstr(R"("received":4,"stored":1,"duplicates":2,"conflicts":1)"));
  EXPECT_THAT(get("/api/v1/sandbox/conflicts"), HasSubstr(R"("subject":"otto")"));
}

TEST_F(SandboxTest, ManyClientsAtOnceLoseNothing) {
  start();
  constexpr int requests = 200;
  std::latch done(requests);
  std::atomic<int> taken{0};
  for (int i = 0; i < requests; ++i) {
    std::string body = "[";
    for (int k = 0; k < 50; ++k) body += (k ? "," : "") + event(fmt::format("{}-{}", i, k));
    HttpRequest request;
    request.method = "POST";
    request.url = url("/v3/openmeter/events");
    request.headers = {{"Content-Type", kBatch}};
    request.body = body + "]";
    client_.send(std::move(request), [&](Result<HttpResponse> answer) {
      taken += answer && answer->status == 202;
      done.count_down();
    });
  }
  done.wait();
  EXPECT_EQ(taken, requests);
  EXPECT_THAT(get("/api/v1/sandbox/stats"), HasSubstr(R"("stored":10000)"));
  EXPECT_THAT(get("/api/v1/meters/api_calls/query"), HasSubstr(R"("value":10000)"));
}

TEST_F(SandboxTest, AnswersQueriesAboutUsage) {
  start();
  ASSERT_EQ(ingest("[" + event("1", "anna", 5) + "," + event("2", "anna", 7, "2026-01-02T04:00:00+01:00", "POST") +
                   "," + event("3", "otto", 9, "2026-01-02T05:00:00Z") + "]")
                .status,
            202);
  struct Row {
    const char* query;
    const char* part;
  };
  for (const Row& row : {
           Row{"api_calls/query", R"("value":3)"},
           Row{"api_duration_ms/query?subject=anna", R"("value":12)"},
           Row{"api_calls/query?groupBy=subject", R"("subject":"otto")"},
           Row{"api_calls/query?groupBy=method,region", R"({"value":2,)"},
           Row{"api_calls/query?filterGroupBy[method]=POST", R"("value":1)"},
           Row{"api_calls/query?filterGroupBy%5Bmethod%5D=GET", R"("value":2)"},
           Row{"api_calls/query?groupBy=zone", R"("groupBy":{"zone":null})"},
           Row{"api_calls/query?windowSize=HOUR",
               R"({"value":2,"windowStart":"2026-01-02T03:00:00Z","windowEnd":"2026-01-02T04:00:00Z")"},
           Row{"api_calls/query?windowSize=MONTH",
               R"({"value":3,"windowStart":"2026-01-01T00:00:00Z","windowEnd":"2026-02-01T00:00:00Z")"},
           Row{"api_calls/query?from=2026-01-02T05:00:00Z&to=2026-01-02T06:00:00Z", R"("value":1)"},
           Row{"api_calls/query?groupBy=colour", "has the groups subject, method, path, region, zone, found 'colour'"},
           Row{"api_calls/query?windowSize=YEAR", "expected MINUTE, HOUR, DAY or MONTH, found 'YEAR'"},
           Row{"api_calls/query?from=now", "from: expected an RFC 3339 time"},
           Row{"none/query", "no meter 'none'; there are api_calls, api_duration_ms"},
           Row{"api_calls/subjects", R"(["anna","otto"])"},
           Row{"api_calls", R"("aggregation":"COUNT")"},
       }) {
    EXPECT_THAT(get(fmt::format("/api/v1/meters/{}", row.query)), HasSubstr(row.part)) << row.query;
  }
  EXPECT_THAT(get("/api/v1/meters"), HasSubstr(R"("slug":"api_duration_ms")"));
}

TEST_F(SandboxTest, ComputesEveryAggregation) {
  const std::string path = folder_ + "/meters.yaml";
  std::ofstream file(path);
  file << "meters:\n";
  for (const char* name : {"SUM", "MIN", "MAX", "AVG", "UNIQUE_COUNT", "LATEST"}) {
    std::string slug(name);
    for (char& c : slug) c = static_cast<char>(std::tolower(c));
    file << fmt::format("  - slug: {}\n    eventType: api-calls\n    aggregation: {}\n"
                        "    valueProperty: $['duration_ms']\n",
                        slug, name);
  }
  file.close();
  Sandbox::Options options;
  options.meters = path;
  start(options);
  std::string text = event("text", "a", 5, "2026-01-02T00:00:04Z");
  text.replace(text.find(":5}"), 3, ":\"2.5\"}");
  std::string wrong = event("wrong", "a", 5, "2026-01-02T00:00:09Z");
  wrong.replace(wrong.find(":5}"), 3, ":\"many\"}");
  ASSERT_EQ(ingest("[" + event("1", "a", 10, "2026-01-02T00:00:03Z") + "," +
                   event("2", "a", 10, "2026-01-02T00:00:01Z") + "," + text + "," + wrong + "]")
                .status,
            202);
  struct Row {
    const char* meter;
    const char* value;
  };
  for (const Row& row : {Row{"sum", "22.5"}, Row{"min", "2.5"}, Row{"max", "10"}, Row{"avg", "7.5"},
                         Row{"unique_count", "3"}, Row{"latest", "2.5"}}) {
    EXPECT_THAT(get(fmt::format("/api/v1/meters/{}/query", row.meter)),
                HasSubstr(fmt::format("\"value\":{},", row.value)))
        << row.meter;
  }
}

TEST_F(SandboxTest, ListsEventsPageByPage) {
  start();
  for (int i = 0; i < 5; ++i) ASSERT_EQ(ingest(event(std::to_string(i))).status, 202);
  const auto first = send("GET", "/api/v1/events?limit=2");
  ASSERT_TRUE(first);
  EXPECT_THAT(first->body, HasSubstr(R"("id":"4")"));
  EXPECT_THAT(first->body, Not(HasSubstr(R"("id":"2")")));
  const auto* cursor = first->header("X-Next-Cursor");
  ASSERT_NE(cursor, nullptr);
  const auto second = get("/v3/openmeter/events?page[size]=3&page[after]=" + *cursor);
  EXPECT_THAT(second, HasSubstr(R"("id":"2")"));
  EXPECT_THAT(second, HasSubstr(R"("next":null)"));
  EXPECT_THAT(get("/v3/openmeter/events?filter[id]=3"), HasSubstr(R"("id":"3")"));
  EXPECT_THAT(get("/v3/openmeter/events?filter[time][gt]=2026-01-02T03:04:05Z"), HasSubstr(R"("data":[])"));
  EXPECT_THAT(get("/v3/openmeter/events?filter[colour]=3"), HasSubstr("no such filter"));
  EXPECT_THAT(get("/api/v1/events?limit=0"), HasSubstr("limit: expected a whole number from 1 to 1000"));
}

TEST_F(SandboxTest, WantsItsToken) {
  Sandbox::Options options;
  options.token = "secret";
  start(options);
  struct Row {
    HttpHeaders headers;
    int status;
  };
  for (const Row& row : {Row{{}, 401}, Row{{{"Authorization", "Bearer wrong"}}, 401},
                         Row{{{"Authorization", "Bearer secrets"}}, 401},
                         Row{{{"Authorization", "secret"}}, 401},
                         Row{{{"Authorization", "Bearer secret"}}, 202}}) {
    HttpHeaders headers = row.headers;
    headers.emplace_back("Content-Type", kOne);
    const auto answer = send("POST", "/v3/openmeter/events", headers, event("1"));
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, row.status);
  }
  EXPECT_EQ(send("GET", "/api/v1/events")->status, 401);
  EXPECT_EQ(send("GET", "/healthz")->status, 200);
  EXPECT_EQ(send("GET", "/")->status, 200);
}

TEST_F(SandboxTest, FailsWhenAsked) {
  Sandbox::Options options;
  options.faults.fail_every = 2;
  options.faults.status = 503;
  start(options);
  EXPECT_EQ(ingest(event("1")).status, 202);
  EXPECT_EQ(ingest(event("2")).status, 503);
  EXPECT_EQ(ingest(event("2")).status, 202);
  EXPECT_THAT(get("/api/v1/sandbox/stats"), HasSubstr(R"("duplicates":0)"));

  EXPECT_EQ(post("/api/v1/sandbox/faults", "application/json",
                 R"({"fail_every":1,"status":429,"fail_after_store":true,"delay":"20ms"})")
                .status,
            200);
  const auto before = std::chrono::steady_clock::now();
  EXPECT_EQ(ingest(event("3")).status, 429);
  EXPECT_GE(std::chrono::steady_clock::now() - before, std::chrono::milliseconds(20));
  EXPECT_EQ(send("DELETE", "/api/v1/sandbox/faults")->status, 200);
  EXPECT_EQ(*ingest(event("3")).header("X-Sandbox-Duplicates"), "1");
  for (const char* wrong : {"{", "[]", R"({"fail_every":-1})", R"({"status":99})", R"({"delay":5})",
                            R"({"fail":1})"}) {
    EXPECT_EQ(post("/api/v1/sandbox/faults", "application/json", wrong).status, 400) << wrong;
  }
}

TEST_F(SandboxTest, HangsUpWhenAsked) {
  Sandbox::Options options;
  options.faults.reset_every = 2;
  start(options);
  const HttpHeaders headers = {{"Content-Type", kOne}};
  EXPECT_TRUE(send("POST", "/v3/openmeter/events", headers, event("1")));
  // The first connection is reused, and a request that meets a closed one is sent anew, once.
  for (int i = 0; i < 4; ++i) {
    std::ignore = send("POST", "/v3/openmeter/events", headers, event(std::to_string(i)));
  }
  EXPECT_THAT(get("/api/v1/sandbox/stats"), Not(HasSubstr(R"("reset":0)")));
  options.faults.reset_every = 1;
  options.faults.fail_after_store = true;
  start(options);
  const auto answer = send("POST", "/v3/openmeter/events", headers, event("kept"));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().fault(), Fault::transient);
  EXPECT_THAT(get("/events"), HasSubstr(R"("id":"kept")"));
}

TEST_F(SandboxTest, SaysWhyItCannotStart) {
  start();
  Sandbox::Options options;
  options.database = folder_ + "/other.db";
  options.listen = fmt::format("127.0.0.1:{}", sandbox_->port());
  const auto taken = Sandbox::start(options);
  ASSERT_FALSE(taken);
  EXPECT_THAT(std::string(taken.error().message()), HasSubstr("--listen"));

  options.listen = "127.0.0.1:0";
  options.database = folder_ + "/none/x.db";
  const auto unopened = Sandbox::start(options);
  ASSERT_FALSE(unopened);
  EXPECT_THAT(std::string(unopened.error().message()), HasSubstr("unable to open database file"));
  std::ofstream(folder_ + "/text.db") << std::string(4096, 'x');
  options.database = folder_ + "/text.db";
  EXPECT_FALSE(Sandbox::start(options));
}

TEST(Meters, NameEveryMistakeWithItsPlace) {
  struct Row {
    const char* text;
    const char* reason;
  };
  for (const Row& row : {
           Row{"meters: []", "m.yaml(1,1) meters: none given"},
           Row{"metres: []", "metres"},
           Row{"meters:\n  - slug: a\n    eventType: t\n    aggregation: MEAN", "m.yaml(4,"},
           Row{"meters:\n  - slug: a\n    eventType: t\n    aggregation: SUM", "SUM needs a valueProperty"},
           Row{"meters:\n  - slug: a\n    eventType: t\n    valueProperty: $.x", "COUNT takes no valueProperty"},
           Row{"meters:\n  - slug: A!\n    eventType: t", "slug 'A!': expected lower-case letters"},
           Row{"meters:\n  - slug: a\n    eventType: t\n    groupBy: {m: method}", "'method' is not a JSON path"},
           Row{"meters:\n  - slug: a\n    eventType: t\n  - slug: a\n    eventType: t", "stands for another meter"},
           Row{"meters: [", "m.yaml("},
       }) {
    const auto meters = parse_meters("m.yaml", row.text);
    ASSERT_FALSE(meters) << row.text;
    EXPECT_THAT(std::string(meters.error().message()), HasSubstr(row.reason)) << row.text;
  }
}

TEST(Meters, TranslateJsonPaths) {
  struct Row {
    const char* path;
    const char* sql;  ///< null: refused
  };
  for (const Row& row : {Row{"$.a", R"($."data"."a")"}, Row{"$.a.b-c[0]", R"($."data"."a"."b-c"[0])"},
                         Row{"$['a b']['it''s']", R"($."data"."a b"."it''s")"}, Row{"$", nullptr},
                         Row{"$.", nullptr}, Row{"$.a..b", nullptr}, Row{"a", nullptr},
                         Row{"$[x]", nullptr}, Row{"$['a", nullptr}, Row{"$.a\"b", nullptr},
                         Row{"$[0", nullptr}, Row{"$.a[", nullptr}}) {
    const auto sql = event_path(row.path);
    EXPECT_EQ(sql.has_value(), row.sql != nullptr) << row.path;
    EXPECT_EQ(sql.value_or(""), row.sql ? row.sql : "");
  }
}

TEST(Windows, StartWhereCalendarsDo) {
  constexpr std::int64_t second = 1'000'000;
  EXPECT_EQ(format_time_us(window_start(-1, WindowSize::day)), "1969-12-31T00:00:00Z");
  EXPECT_EQ(window_start(90 * second, WindowSize::minute), 60 * second);
  const auto leap = window_start(1'709'210'000 * second, WindowSize::month);  // 2024-02-29
  EXPECT_EQ(format_time_us(leap), "2024-02-01T00:00:00Z");
  EXPECT_EQ(format_time_us(window_end(leap, WindowSize::month)), "2024-03-01T00:00:00Z");
}

}  // namespace
}  // namespace tollgate
