#include "otlp/blake3.h"
#include "otlp/logs.h"

#include <gtest/gtest.h>

#include <bit>
#include <cstring>
#include <fstream>
#include <functional>
#include <limits>
#include <random>
#include <set>

#include "base/same_text.h"
#include "otlp/wire.h"
#include "value/json.h"

namespace tollgate {
namespace {

using Fill = std::function<void(WireWriter&)>;

std::string wire(const Fill& fill) {
  std::string out;
  WireWriter writer(out);
  fill(writer);
  return out;
}

// One field of an AnyValue.
Fill text(std::string_view value) {
  return [=](WireWriter& any) { any.bytes(1, value); };
}
Fill number(std::int64_t value) {
  return [=](WireWriter& any) { any.varint(3, static_cast<std::uint64_t>(value)); };
}
Fill real(double value) {
  return [=](WireWriter& any) { any.fixed64(4, std::bit_cast<std::uint64_t>(value)); };
}
Fill nothing() {
  return [](WireWriter&) {};
}

void attribute(WireWriter& out, std::uint32_t field, std::string_view key, const Fill& value) {
  out.message(field, [&](WireWriter& entry) {
    entry.bytes(1, key);
    entry.message(2, value);
  });
}

/// A ResourceLogs with one scope: the records as their fields.
void resource_logs(WireWriter& request, std::string_view host, const std::vector<Fill>& records) {
  request.message(1, [&](WireWriter& logs) {
    logs.message(1, [&](WireWriter& r) { attribute(r, 1, "host", text(host)); });
    logs.message(2, [&](WireWriter& scope) {
      scope.message(1, [](WireWriter& s) { s.bytes(1, "gateway"); });
      for (const Fill& record : records) scope.message(2, record);
    });
  });
}

constexpr std::uint64_t kFineTime = 1'700'000'000'123'456'789;
constexpr std::uint64_t kCoarseTime = 1'700'000'000'123'000'000;

Fill record(std::uint64_t time, std::string_view body) {
  return [=](WireWriter& r) {
    r.fixed64(1, time);
    r.message(5, text(body));
  };
}

std::string export_of(const std::vector<Fill>& records) {
  return wire([&](WireWriter& request) { resource_logs(request, "a", records); });
}

Result<DecodedLogs> decode(std::string request, const IdentityOptions& identity = {}) {
  return decode_logs(std::make_shared<const std::string>(std::move(request)), identity);
}

std::vector<Identity> identities(const std::string& request, const IdentityOptions& options = {}) {
  auto decoded = decode(request, options);
  EXPECT_TRUE(decoded);
  std::vector<Identity> all;
  for (const Message& message : decoded->batch) all.push_back(message.identity);
  return all;
}

bool same(const Identity& a, const Identity& b) { return a.high == b.high && a.low == b.low; }

std::string full_export() {
  return wire([](WireWriter& request) {
    request.message(1, [](WireWriter& logs) {
      logs.message(2, [](WireWriter& scope) {  // before the resource: the order is free
        scope.message(2, [](WireWriter& r) {
          attribute(r, 6, "z", text("<a&b>"));
          attribute(r, 6, "dup", number(1));
          attribute(r, 6, "dup", number(std::numeric_limits<std::int64_t>::min()));
          attribute(r, 6, "none", nothing());
          attribute(r, 6, "ratio", real(1e21));
          attribute(r, 6, "half", real(0.5));
          attribute(r, 6, "yes", [](WireWriter& any) { any.varint(2, 1); });
          attribute(r, 6, "raw", [](WireWriter& any) { any.bytes(7, "\x01\xff"); });
          attribute(r, 6, "list", [](WireWriter& any) {
            any.message(5, [](WireWriter& list) {
              list.message(1, text("x"));
              list.message(1, nothing());
              list.message(1, [](WireWriter& inner) { inner.message(5, nothing()); });
            });
          });
          attribute(r, 6, "map", [](WireWriter& any) {
            any.message(6, [](WireWriter& map) {
              attribute(map, 1, "k", number(2));
              attribute(map, 1, "a", number(1));
            });
          });
          r.bytes(10, std::string_view("\x01\x02\x03\x04\x05\x06\x07\x08", 8));
          r.bytes(9, std::string(16, '\xab'));
          r.fixed32(8, 1);
          r.varint(7, 3);
          r.message(5, text("body"));
          r.bytes(3, "INFO");
          r.varint(2, 9);
          r.fixed64(11, 0xffff'ffff'ffff'ffff);
          r.fixed64(1, kFineTime);
        });
        scope.message(2, nothing());
        scope.message(1, [](WireWriter& s) {
          s.bytes(1, "lib");
          s.bytes(2, "1.0");
          attribute(s, 3, "k", text("v"));
          s.varint(4, 7);
        });
      });
      logs.message(1, [](WireWriter& r) { r.varint(2, 5); });
    });
  });
}

TEST(LogsDecode, PayloadIsTheIncumbentsJson) {
  auto decoded = decode(full_export());
  ASSERT_TRUE(decoded) << decoded.error().message();
  ASSERT_EQ(decoded->batch.size(), 2u);
  const std::string origin =
      R"("resource":{"dropped_attributes_count":5},"scope":{"name":"lib","version":"1.0",)"
      R"("attributes":{"k":"v"},"dropped_attributes_count":7})";
  EXPECT_EQ(decoded->batch[0].bytes(),
            "{" + origin +
                R"(,"record":{"time_unix_nano":1700000000123456789,)"
                R"("observed_time_unix_nano":18446744073709551615,"severity_number":9,)"
                R"("severity_text":"INFO","body":"body","attributes":{"dup":-9223372036854775808,)"
                R"("half":0.5,"list":["x",null,[]],"map":{"a":1,"k":2},"none":null,"ratio":1e+21,)"
                R"("raw":"Af8=","yes":true,"z":"\u003ca\u0026b\u003e"},"dropped_attributes_count":3,)"
                R"("flags":1,"trace_id":"q6urq6urq6urq6urq6urqw==","span_id":"AQIDBAUGBwg="}})");
  EXPECT_EQ(decoded->batch[1].bytes(), "{" + origin + R"(,"record":{}})");
  EXPECT_FALSE(decoded->batch[0].bytes_are_json());  // its keys are not sorted
}

// testdata/: an export, and the payloads that the incumbent's otel_log input gave for it.
TEST(LogsDecode, PayloadsAreThoseOfTheIncumbent) {
  const auto read = [](const char* name) {
    std::ifstream file(std::string(TOLLGATE_SOURCE_DIR "/src/otlp/testdata/") + name, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
  };
  auto decoded = decode(read("every_field.bin"));
  ASSERT_TRUE(decoded) << decoded.error().message();
  std::string lines;
  for (Message& message : decoded->batch) {
    lines += message.bytes();
    lines += '\n';
  }
  EXPECT_EQ(lines, read("every_field.jsonl"));
}

TEST(LogsDecode, DocumentIsTheSameValue) {
  auto decoded = decode(full_export());
  ASSERT_TRUE(decoded);
  for (Message& message : decoded->batch) {
    Arena arena;
    const Value parsed = parse_json(message.bytes(), arena);
    ASSERT_FALSE(parsed.is_error()) << parsed.as_text();
    std::string from_bytes, from_document;
    append_json(from_bytes, parsed, arena);
    append_json(from_document, message.document(), message.memory().arena);
    EXPECT_EQ(from_bytes, from_document);
  }
}

TEST(LogsDecode, AReplacedDocumentIsWrittenSorted) {
  auto decoded = decode(full_export());
  ASSERT_TRUE(decoded);
  Message& message = decoded->batch[1];
  message.set_document(message.document());  // `root = this`
  EXPECT_EQ(message.bytes().find(R"({"record":{},"resource":)"), 0u);
}

TEST(LogsDecode, AnEncodedBatchMayBeReadInAnyArena) {
  auto decoded = decode(full_export());
  ASSERT_TRUE(decoded);
  decoded->batch.encode();
  const Batch& constant = decoded->batch;
  for (int round = 0; round < 2; ++round) {
    for (const Message& message : constant) {
      Arena scratch;
      const Value document = message.document(scratch);
      ASSERT_FALSE(document.is_error());
      std::string out;
      EXPECT_TRUE(append_json(out, document, scratch));
    }
  }
}

TEST(LogsDecode, FieldsAreFoundWithoutBuildingTheRest) {
  auto decoded = decode(full_export());
  ASSERT_TRUE(decoded);
  Arena& arena = decoded->batch.arena();
  const Object& document = decoded->batch[0].document().as_object();
  const Object& record = document.find("record", arena)->as_object();
  EXPECT_EQ(record.find("severity_number", arena)->as_int64(), 9);
  EXPECT_EQ(record.find("attributes", arena)->as_object().find("dup", arena)->as_int64(),
            std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(record.find("missing", arena), nullptr);
  EXPECT_EQ(decoded->batch[1].document().as_object().find("record", arena)->as_object().find(
                "time_unix_nano", arena),
            nullptr);
}

TEST(LogsDecode, KeysLookedUpTogetherAreThoseFoundAlone) {
  const std::vector<std::string_view> names = {"a", "method", "path", "nested", "ratio", "absent"};
  std::vector<LookupKey> keys;
  for (const auto name : names) keys.push_back({name, key_tag(name)});
  std::mt19937 random(7);
  std::vector<Fill> records;
  for (int i = 0; i < 200; ++i) {  // in changing order, with repetitions and with others between
    const auto seed = random();
    records.push_back([seed](WireWriter& record) {
      std::mt19937 draw(seed);
      for (int n = 0; n < 9; ++n) {
        switch (draw() % 7) {
          case 0: attribute(record, 6, "a", number(draw())); break;
          case 1: attribute(record, 6, "method", text("GET")); break;
          case 2: attribute(record, 6, "path", text("/" + std::to_string(draw()))); break;
          case 3: attribute(record, 6, "ratio", real(0.5)); break;
          case 4: attribute(record, 6, "other", text("x")); break;
          case 5: attribute(record, 6, "mathod", text("same tag but one letter")); break;
          default:
            attribute(record, 6, "nested", [](WireWriter& any) {
              any.message(6, [](WireWriter& map) { attribute(map, 1, "in", text("side")); });
            });
        }
      }
    });
  }
  auto decoded = decode(wire([&](WireWriter& request) { resource_logs(request, "h", records); }));
  ASSERT_TRUE(decoded);
  Arena& arena = decoded->batch.arena();
  const auto json = [&](const Value& value) {
    std::string out;
    append_json(out, value, arena);
    return out;
  };
  for (Message& message : decoded->batch) {
    Object& record = message.document().as_object().find("record", arena)->as_object();
    Object& attributes = record.find("attributes", arena)->as_object();
    std::vector<Value> found(keys.size());
    ASSERT_TRUE(attributes.lazy->find_many(keys, found.data()));
    for (std::size_t i = 0; i < keys.size(); ++i) {
      const Value* alone = attributes.find(names[i], arena);
      if (found[i].is(Kind::deleted)) continue;  // to be asked for alone
      EXPECT_EQ(found[i].is(Kind::nothing), alone == nullptr) << names[i];
      if (alone) {
        EXPECT_EQ(json(found[i]), json(*alone)) << names[i];
      }
    }
    const std::string before = json(message.document());
    EXPECT_EQ(json(message.document()), before) << "built in place by the first reader";
  }
}

TEST(LogsDecode, ADocumentMadeInShortLivedMemoryLeavesNothingBehind) {
  auto decoded = decode(full_export());
  ASSERT_TRUE(decoded);
  for (int round = 0; round < 3; ++round) {
    for (const Message& message : decoded->batch) {
      Arena scratch;
      std::string from_document;
      EXPECT_TRUE(append_json(from_document, message.document(scratch), scratch));
      const Value parsed =
          parse_json(decoded->batch[0].bytes(), scratch);  // shares resource and scope
      EXPECT_FALSE(parsed.is_error());
    }
  }
}

TEST(LogsDecode, RefusesWhatIsMalformed) {
  const std::string nested = [] {
    std::string any;
    for (int i = 0; i < 120; ++i) {
      any = wire([&](WireWriter& w) {
        w.message(5, [&](WireWriter& list) { list.bytes(1, any); });
      });
    }
    return any;
  }();
  const struct {
    const char* what;
    std::string request;
  } cases[] = {
      {"text", "hello world"},
      {"truncated", full_export().substr(0, full_export().size() - 1)},
      {"field zero", std::string("\0\0", 2)},
      {"group", "\x0b"},
      {"endless varint", "\x08" + std::string(11, '\xff')},
      {"deep body", export_of({[&](WireWriter& r) { r.bytes(5, nested); }})},
      {"deep attribute", export_of({[&](WireWriter& r) {
         r.message(6, [&](WireWriter& entry) { entry.bytes(2, nested); });
       }})},
      {"broken list in a body",
       export_of({[](WireWriter& r) {
         r.message(5, [](WireWriter& any) { any.bytes(5, "\x0a\x05x"); });
       }})},
  };
  for (const auto& each : cases) {
    const auto decoded = decode(each.request);
    ASSERT_FALSE(decoded) << each.what;
    EXPECT_EQ(decoded.error().fault(), Fault::invalid) << each.what;
  }
  EXPECT_TRUE(decode(""));
}

TEST(LogsDecode, AFloodOfEmptyRecordsIsRefused) {
  EXPECT_FALSE(decode(export_of(std::vector<Fill>(600'000, nothing()))));
  const auto many_scopes = wire([](WireWriter& request) {
    for (int i = 0; i < 20'000; ++i) resource_logs(request, "a", {record(kFineTime, "b")});
  });
  EXPECT_TRUE(decode(many_scopes));
}

TEST(LogsDecode, SurvivesMutatedExports) {
  std::mt19937 random(7);
  const std::string seed = full_export();
  const auto any = [&](std::size_t below) {
    return std::uniform_int_distribution<std::size_t>(0, below - 1)(random);
  };
  int good = 0;
  for (int round = 0; round < 100'000; ++round) {
    std::string mutated = seed;
    for (std::size_t edits = 1 + any(3); edits > 0; --edits) {
      const std::size_t at = any(mutated.size());
      switch (any(4)) {
        case 0: mutated[at] = static_cast<char>(any(256)); break;
        case 1: mutated.erase(at, 1 + any(4)); break;
        case 2: mutated.insert(at, 1, static_cast<char>(any(256))); break;
        default: mutated[at] = static_cast<char>(mutated[at] ^ (1 << any(8)));
      }
      if (mutated.empty()) mutated = "x";
    }
    auto decoded = decode(std::move(mutated));
    if (!decoded) continue;
    ++good;
    for (Message& message : decoded->batch) {
      Arena arena;
      ASSERT_FALSE(parse_json(message.bytes(), arena).is_error()) << message.bytes();
      std::string out;
      append_json(out, message.document(), message.memory().arena);
    }
  }
  EXPECT_GT(good, 1000);
}

TEST(LogsDecode, AttributesOfEveryLength) {
  const auto value_of = [](const std::string& key, const Fill& value) {
    auto decoded = decode(export_of({[&](WireWriter& r) { attribute(r, 6, key, value); }}));
    EXPECT_TRUE(decoded);
    Arena arena;
    const Value document = decoded->batch[0].document();
    const Value record = *document.as_object().find("record", arena);
    const Value* attributes = record.as_object().find("attributes", arena);
    const Value* found = attributes ? attributes->as_object().find(key, arena) : nullptr;
    std::string json;
    if (found) append_json(json, *found, arena);
    return json;
  };
  for (std::size_t size = 0; size < 300; ++size) {
    const std::string filler(size, 'x');
    EXPECT_EQ(value_of("k", text(filler)), '"' + filler + '"');
    EXPECT_EQ(value_of(filler, text("v")), "\"v\"");
    EXPECT_EQ(value_of(filler, number(7)), "7");
  }
  for (const std::int64_t edge : {std::int64_t{0}, std::int64_t{1} << 7, std::int64_t{1} << 14,
                                  std::int64_t{1} << 21, std::numeric_limits<std::int64_t>::min()}) {
    for (int step = edge > 0 ? -1 : 0; step < 2; ++step) {
      EXPECT_EQ(value_of("k", number(edge + step)), std::to_string(edge + step));
    }
  }
  EXPECT_EQ(value_of("k", number(-1)), "-1");
}

// Identity ----------------------------------------------------------------------------------------

TEST(LogsIdentity, SurvivesResendsAndRebatching) {
  const auto together = identities(export_of({record(kFineTime, "a"), record(kFineTime, "b")}));
  ASSERT_EQ(together.size(), 2u);
  EXPECT_TRUE(together[0].derived);
  EXPECT_FALSE(same(together[0], together[1]));
  const auto again = identities(export_of({record(kFineTime, "a"), record(kFineTime, "b")}));
  const auto alone = identities(export_of({record(kFineTime, "b")}));
  EXPECT_TRUE(same(together[0], again[0]));
  EXPECT_TRUE(same(together[1], again[1]));
  EXPECT_TRUE(same(together[1], alone[0]));
  const auto with_others = identities(wire([](WireWriter& request) {
    resource_logs(request, "other", {record(kFineTime, "b")});
    resource_logs(request, "a", {record(kFineTime, "c"), record(kFineTime, "b")});
  }));
  EXPECT_FALSE(same(with_others[0], together[1]));  // another resource
  EXPECT_TRUE(same(with_others[2], together[1]));
}

std::string with_length(std::string_view part) {
  const std::uint64_t size = part.size();
  return std::string(reinterpret_cast<const char*>(&size), sizeof size).append(part);
}

/// Changing what is hashed would give events that are being resent other ids.
TEST(LogsIdentity, IsADigestOfSaltKeyResourceScopeAndRecord) {
  const auto then = [](const Blake3Words& before, const std::string& part) {
    const std::string_view bytes(reinterpret_cast<const char*>(before.data()), sizeof before);
    return blake3(std::string(bytes) + part + with_length(""));
  };
  const Blake3Words salted = blake3(with_length("tollgate record identity 1") + with_length("salt") +
                                    with_length("key"));
  const Blake3Words with_resource =
      then(salted, with_length(wire([](WireWriter& r) { attribute(r, 1, "host", text("a")); })));
  const Blake3Words key =
      then(with_resource, with_length(wire([](WireWriter& s) { s.bytes(1, "gateway"); })));
  std::vector<Fill> records;
  const std::string filler(600, 'x');
  for (std::size_t i = 0; i < filler.size(); ++i) {
    const std::string_view body = std::string_view(filler).substr(i);
    records.push_back(record(i % 7 ? kFineTime + i : kCoarseTime, body));
  }
  const auto all = identities(export_of(records), {.salt = "salt", .key = "key"});
  ASSERT_EQ(all.size(), records.size());
  for (std::size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(all[i].derived, i % 7 != 0) << i;
    if (!all[i].derived) continue;
    const std::string hashed = wire(records[i]);
    const std::string_view texts[] = {hashed};
    Blake3Words digest[1];
    blake3_keyed(key, texts, digest);
    EXPECT_EQ(std::memcmp(&all[i].high, digest[0].data(), 8), 0) << i;
    EXPECT_EQ(std::memcmp(&all[i].low, digest[0].data() + 2, 8), 0) << i;
  }
}

TEST(LogsIdentity, EqualRecordsOfAnExportDiffer) {
  const std::vector<Fill> equal(1000, record(kFineTime, "a"));
  const auto first = identities(export_of(equal));
  const auto second = identities(export_of(equal));
  std::set<std::pair<std::uint64_t, std::uint64_t>> seen;
  for (std::size_t i = 0; i < first.size(); ++i) {
    EXPECT_TRUE(same(first[i], second[i]));
    EXPECT_TRUE(first[i].derived);
    seen.emplace(first[i].high, first[i].low);
  }
  EXPECT_EQ(seen.size(), equal.size());
}

TEST(LogsIdentity, SaltAndKeyTellMetersApart) {
  const auto request = export_of({record(kFineTime, "a")});
  const auto plain = identities(request)[0];
  EXPECT_FALSE(same(plain, identities(request, {.salt = "https://x"})[0]));
  EXPECT_FALSE(same(plain, identities(request, {.key = "https://x"})[0]));
  EXPECT_FALSE(same(identities(request, {.salt = "ab", .key = "c"})[0],
                    identities(request, {.salt = "a", .key = "bc"})[0]));
}

TEST(LogsIdentity, RandomWhereTheRecordCannotBeToldApart) {
  const auto request = export_of({record(kCoarseTime, "a"), record(0, "a"), record(kFineTime, "a")});
  auto decoded = decode(request);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->without_identity, 2u);
  const auto first = identities(request), second = identities(request);
  EXPECT_FALSE(same(first[0], second[0]));
  EXPECT_FALSE(same(first[1], second[1]));
  EXPECT_TRUE(same(first[2], second[2]));
  const auto observed = identities(export_of({[](WireWriter& r) {
    r.fixed64(1, kCoarseTime);
    r.fixed64(11, kFineTime);
  }}));
  EXPECT_TRUE(observed[0].derived);
  EXPECT_FALSE(identities(request, {.derived = false})[2].derived);
}

// Encoding ----------------------------------------------------------------------------------------

std::string reencoded(const std::string& document, std::string* error = nullptr) {
  Arena arena;
  std::string request;
  const auto done = append_resource_logs(request, parse_json(document, arena), arena);
  if (error) *error = done ? "" : std::string(done.error().message());
  return request;
}

TEST(LogsEncode, ItsOwnFormRoundTrips) {
  auto decoded = decode(full_export());
  ASSERT_TRUE(decoded);
  for (Message& message : decoded->batch) {
    std::string error;
    auto again = decode(reencoded(std::string(message.bytes()), &error));
    ASSERT_EQ(error, "");
    ASSERT_TRUE(again);
    ASSERT_EQ(again->batch.size(), 1u);
    EXPECT_EQ(again->batch[0].bytes(), message.bytes());
  }
}

TEST(LogsEncode, TakesResourceLogsDocuments) {
  auto decoded = decode(reencoded(R"({"resource":{"attributes":[{"key":"host","value":
    {"stringValue":"a"}}]},"scopeLogs":[{"scope":{"name":"s"},"log_records":[{"timeUnixNano":
    "1700000000123456789","severityNumber":"SEVERITY_NUMBER_WARN2","body":{"intValue":"-5"},
    "flags":1,"eventName":"e","attributes":[{"key":"d","value":{"doubleValue":2}}]}]}]})"));
  ASSERT_TRUE(decoded);
  ASSERT_EQ(decoded->batch.size(), 1u);
  EXPECT_EQ(decoded->batch[0].bytes(),
            R"({"resource":{"attributes":{"host":"a"}},"scope":{"name":"s"},"record":{)"
            R"("time_unix_nano":1700000000123456789,"severity_number":14,"body":-5,)"
            R"("attributes":{"d":2},"flags":1}})");
}

TEST(LogsEncode, SaysWhatIsWrongAndLeavesTheRequest) {
  const struct {
    std::string document, error;
  } cases[] = {
      {"[]", "expected an object for ResourceLogs"},
      {R"({"nope":1})", "unknown field \"nope\" of ResourceLogs"},
      {R"({"scopeLogs":[{"logRecords":[{"flags":"x"}]}]})", "flags"},
      {R"({"record":{"attributes":3}})", "attributes"},
  };
  for (const auto& each : cases) {
    std::string error;
    EXPECT_EQ(reencoded(each.document, &error), "") << each.document;
    EXPECT_NE(error.find(each.error), std::string::npos) << error;
  }
}

TEST(PartialSuccess, RoundTrips) {
  const auto read = read_partial_success(partial_success(3, "bad"));
  EXPECT_EQ(read.rejected, 3u);
  EXPECT_EQ(read.message, "bad");
  EXPECT_EQ(read_partial_success("").rejected, 0u);
  EXPECT_EQ(read_partial_success("\x0a\x7f").rejected, 0u);
}

}  // namespace
}  // namespace tollgate
