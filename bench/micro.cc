// The parts of the way of an event, each beside a naive reference of the same work where there is
// one: the names end in /ours and /naive. Items are records, events, operations or elements.
//
//   micro [--benchmark_filter=REGEX] [--benchmark_min_time=SECONDS]

#include <benchmark/benchmark.h>
#include <openssl/sha.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <iterator>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "access_log.h"
#include "bloblang/bloblang.h"
#include "observe/ledger.h"
#include "observe/metrics.h"
#include "otlp/logs.h"
#include "otlp/blake3.h"
#include "runtime/work_queue.h"
#include "value/json.h"

namespace tollgate::bench {
namespace {

using benchmark::DoNotOptimize;
using benchmark::State;

// Decoding and identity ---------------------------------------------------------------------------

constexpr std::uint64_t kFirstNanosecond = 1'700'000'000'000'000'001u;

void decode(State& state, bool derived) {
  const auto records = static_cast<std::size_t>(state.range(0));
  const auto request =
      std::make_shared<const std::string>(make_export({.records = records}, kFirstNanosecond));
  for (auto _ : state) DoNotOptimize(decode_logs(request, {.derived = derived}));
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK_CAPTURE(decode, with_identity, true)->Arg(1)->Arg(100)->Arg(512)->Arg(8192);
BENCHMARK_CAPTURE(decode, without_identity, false)->Arg(1)->Arg(100)->Arg(512)->Arg(8192);

constexpr std::size_t kTexts = 64;

std::vector<std::string_view> texts_of(const std::string& all, std::size_t size) {
  std::vector<std::string_view> texts;
  for (std::size_t i = 0; i < kTexts; ++i) texts.push_back(std::string_view(all).substr(i * size, size));
  return texts;
}

void identity_ours(State& state) {
  const auto size = static_cast<std::size_t>(state.range(0));
  const std::string all(size * kTexts, 'x');
  const auto texts = texts_of(all, size);
  const Blake3Words key = blake3(std::string(150, 'p'));
  std::vector<Blake3Words> digests(kTexts);
  for (auto _ : state) {
    blake3_keyed(key, texts, digests);
    DoNotOptimize(digests.data());
  }
  state.SetItemsProcessed(state.iterations() * kTexts);
}
BENCHMARK(identity_ours)->Name("identity/ours")->Arg(206)->Arg(2000);

/// Every record hashed by itself with OpenSSL's SHA-256, resource and scope included.
void identity_naive(State& state) {
  const auto size = static_cast<std::size_t>(state.range(0));
  const std::string all(size * kTexts, 'x'), prefix(150, 'p');
  const auto texts = texts_of(all, size);
  unsigned char digest[SHA256_DIGEST_LENGTH];
  for (auto _ : state) {
    for (const auto text : texts) {
      const std::string whole = prefix + std::string(text);
      SHA256(reinterpret_cast<const unsigned char*>(whole.data()), whole.size(), digest);
      DoNotOptimize(digest);
    }
  }
  state.SetItemsProcessed(state.iterations() * kTexts);
}
BENCHMARK(identity_naive)->Name("identity/naive")->Arg(206)->Arg(2000);

// JSON --------------------------------------------------------------------------------------------

constexpr std::string_view kEvent =
    R"({"data":{"duration_ms":417,"method":"GET","path":"/pricing","region":"us-east-1",)"
    R"("zone":"us-east-1a"},"id":"0190f7a3-5b7e-4a6e-9d2f-1b2c3d4e5f60","source":"otlp-log",)"
    R"("specversion":"1.0","subject":"customer-42","time":"2026-11-22T17:47:00.123Z",)"
    R"("type":"api-calls"})";

void json_parse(State& state) {
  Arena arena;
  for (auto _ : state) {
    arena.reset();
    DoNotOptimize(parse_json(kEvent, arena));
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(json_parse)->Name("json_parse/ours");

/// Members by their path, character by character; knows strings, numbers and objects.
void json_parse_naive(State& state) {
  const std::string text(kEvent);
  for (auto _ : state) {
    std::map<std::string, std::string> members;
    std::string key, value, path;
    bool in_value = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '"') {
        std::string& into = in_value ? value : key;
        for (into.clear(); text[++i] != '"';) into += text[i] == '\\' ? text[++i] : text[i];
      } else if (text[i] == '{' && in_value) {
        path = key + '.';
        in_value = false;
      } else if (text[i] == ':') {
        in_value = true;
      } else if (text[i] == ',' || text[i] == '}') {
        if (in_value) members[path + key] = std::exchange(value, {});
        if (text[i] == '}') path.clear();
        in_value = false;
      } else if (in_value) {
        value += text[i];
      }
    }
    DoNotOptimize(members);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(json_parse_naive)->Name("json_parse/naive");

void json_print(State& state) {
  Arena arena;
  const Value event = parse_json(kEvent, arena);
  std::string out;
  for (auto _ : state) {
    out.clear();
    DoNotOptimize(append_json(out, event, arena));
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(json_print)->Name("json_print/ours");

void naive_string(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  out += '"';
}

/// The same bytes with keys and order known, character by character.
void json_print_naive(State& state) {
  const std::pair<const char*, const char*> data[] = {
      {"method", "GET"}, {"path", "/pricing"}, {"region", "us-east-1"}, {"zone", "us-east-1a"}};
  const std::pair<const char*, const char*> rest[] = {
      {"id", "0190f7a3-5b7e-4a6e-9d2f-1b2c3d4e5f60"}, {"source", "otlp-log"},
      {"specversion", "1.0"}, {"subject", "customer-42"}, {"time", "2026-11-22T17:47:00.123Z"},
      {"type", "api-calls"}};
  std::string out;
  for (auto _ : state) {
    out = "{\"data\":{\"duration_ms\":" + std::to_string(417);
    for (const auto& [key, value] : data) {
      out += ',';
      naive_string(out, key);
      out += ':';
      naive_string(out, value);
    }
    out += '}';
    for (const auto& [key, value] : rest) {
      out += ',';
      naive_string(out, key);
      out += ':';
      naive_string(out, value);
    }
    out += '}';
    DoNotOptimize(out.data());
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(json_print_naive)->Name("json_print/naive");

// Mapping -----------------------------------------------------------------------------------------

std::string thousand_numbers() {
  std::string text = "{\"items\":[";
  for (int i = 0; i < 1000; ++i) text += (i ? "," : "") + std::to_string(i * 7 % 1000);
  return text + "]}";
}

/// A warm mapping over a parsed document; the memory is reused, as a worker reuses it.
void run_mapping(State& state, std::string_view source, const std::string& input, std::int64_t items) {
  const auto mapping = Mapping::compile(source);
  if (!mapping) return state.SkipWithError(mapping.error().one_line().c_str());
  Arena documents;
  const Value document = parse_json(input, documents);
  constexpr int kBatch = 64;
  for (auto _ : state) {
    Batch batch;
    for (int i = 0; i < kBatch; ++i) {
      Message& message = batch.add();
      message.set_document(document);
      message.identity = {1, static_cast<std::uint64_t>(i) + 1, true};
    }
    for (std::size_t i = 0; i < kBatch; ++i) DoNotOptimize(mapping->map(batch, i, batch[i]));
  }
  state.SetItemsProcessed(state.iterations() * kBatch * items);
}

void mapping(State& state, std::string_view source) { run_mapping(state, source, std::string(kEvent), 1); }

BENCHMARK_CAPTURE(mapping, paths, "root = [this.data.path, this.data.zone, this.subject, this.time]");
BENCHMARK_CAPTURE(mapping, object_literal, R"(root = {"id": uuid_v4(), "specversion": "1.0",
  "type": "api-calls", "source": "otlp-log", "time": this.time, "subject": this.subject,
  "data": {"method": this.data.method, "path": this.data.path, "region": this.data.region,
           "zone": this.data.zone, "duration_ms": this.data.duration_ms}})");
BENCHMARK_CAPTURE(mapping, string_methods,
                  "root = this.subject.uppercase().replace_all(\"CUSTOMER\", \"c\").trim()");
BENCHMARK_CAPTURE(mapping, number_formatting,
                  "root = (this.data.duration_ms * 1.5).string() + \" ms\"");
BENCHMARK_CAPTURE(mapping, timestamps,
                  "root = this.time.ts_parse(\"2006-01-02T15:04:05Z07:00\")"
                  ".ts_format(\"2006-01-02 15:04\")");
BENCHMARK_CAPTURE(mapping, if_and_match, R"(root = match this.data.method {
  "POST" => 1, "PUT" => 2, "GET" => if this.data.duration_ms > 400 { "slow" } else { "fast" }, _ => 3 })");
BENCHMARK_CAPTURE(mapping, uuid, "root = uuid_v4()");

/// What a mapping takes from the arena for a message.
double arena_bytes(const Mapping& mapping, Batch& batch) {
  const auto place = [&] { return reinterpret_cast<std::uintptr_t>(batch.arena().allocate(1, 1)); };
  std::uintptr_t least = UINTPTR_MAX;  // a change of chunks looks like a lot
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const std::uintptr_t before = place();
    mapping.map(batch, i, batch[i]);
    least = std::min(least, place() - before - 1);
  }
  return static_cast<double>(least);
}

/// A mapping over the records of an export, in their lazy form; decoding is not counted.
void mapping_records(State& state, const std::string& source) {
  const auto mapping = Mapping::compile(source);
  if (!mapping) return state.SkipWithError(mapping.error().one_line().c_str());
  constexpr std::size_t kRecords = 512;
  const auto request =
      std::make_shared<const std::string>(make_export({.records = kRecords}, kFirstNanosecond));
  std::size_t failed = 0;
  for (auto _ : state) {
    state.PauseTiming();
    auto decoded = decode_logs(request, {.derived = false});
    Batch& batch = decoded->batch;
    state.ResumeTiming();
    for (std::size_t i = 0; i < kRecords; ++i) {
      failed += mapping->map(batch, i, batch[i]).what == Mapped::failed;
    }
  }
  if (failed) state.SkipWithError("the mapping failed");
  auto decoded = decode_logs(request, {.derived = false});
  state.counters["arena_bytes"] = arena_bytes(*mapping, decoded->batch);
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kRecords));
}

/// The mapping of the row "40-line mapping" of end_to_end.
void mapping_long(State& state) {
  std::ifstream file(TOLLGATE_BENCH_DIRECTORY "/long_mapping.blobl");
  mapping_records(state, {std::istreambuf_iterator<char>(file), {}});
}
BENCHMARK(mapping_long)->Name("mapping_records/long");

BENCHMARK_CAPTURE(mapping_records, assignments, R"m(root.id = this.record.attributes.subject
root.data.method = this.record.attributes.method
root.data.path = this.record.attributes.path
root.data.where.region = this.record.attributes.region
root.data.where.zone = this.record.attributes.zone
root.data.duration_ms = this.record.attributes.duration
root.type = "api-calls")m");
BENCHMARK_CAPTURE(mapping_records, variables, R"m(let a = this.record.attributes
root = [$a.method, $a.path, $a.method, $a.duration, $a.path, $a.duration, $a.method])m");
BENCHMARK_CAPTURE(mapping_records, timestamps, R"m(
let at = this.record.attributes.time.ts_parse("2006-01-02T15:04:05.999Z07:00")
root = [$at.ts_format("2006-01-02T15:04:05Z07:00"), $at.ts_format("Mon, 02 Jan 2006"), $at.ts_unix()])m");
BENCHMARK_CAPTURE(mapping_records, expressions, R"m(let a = this.record.attributes
root = [$a.zone.re_replace_all("^(.*)([a-z])$", "$1/$2"), $a.path.re_match("^/[a-z]+$"),
        $a.subject.re_find_all("[0-9]+")])m");
BENCHMARK_CAPTURE(mapping_records, match, R"m(let a = this.record.attributes
let class = match $a.duration { this < 100 => "fast", this < 500 => "normal", _ => "slow" }
let write = match $a.method { "POST" => true, "PUT" => true, _ => false }
root = if $write && $class != "slow" || $a.duration > 900 { 1 } else { 2 })m");
BENCHMARK_CAPTURE(mapping_records, map_each, R"m(let d = this.record.attributes.duration
root = [1, 2, 3, 5, 8].map_each(w -> w * $d).filter(w -> w > 100).sum())m");
BENCHMARK_CAPTURE(mapping_records, format, R"m(let a = this.record.attributes
root = "%s %s (%v ms)".format($a.method, $a.path, $a.duration) + " in " + $a.zone)m");
BENCHMARK_CAPTURE(mapping_records, letters, R"m(let a = this.record.attributes
root = [$a.method.lowercase().capitalize(), $a.subject.uppercase().replace_all("CUSTOMER-", "c/")])m");
BENCHMARK_CAPTURE(mapping_records, split, R"m(let a = this.record.attributes
root = [$a.path.trim_prefix("/").split("/").index(0), $a.region.split("-").join("_"), $a.zone.slice(0, 2)])m");
BENCHMARK_CAPTURE(mapping_records, numbers, R"m(let a = this.record.attributes
root = [($a.duration / 1000).round(), $a.duration * 3 + 1, $a.region.split("-").index(2).number()])m");

void mapping_elements(State& state, std::string_view source) {
  run_mapping(state, source, thousand_numbers(), 1000);
}
BENCHMARK_CAPTURE(mapping_elements, map_each, "root = this.items.map_each(i -> i * 2)");
BENCHMARK_CAPTURE(mapping_elements, fold, "root = this.items.fold(0, f -> f.tally + f.value)");

using Table = std::map<std::string, std::string>;

Table event_table() {
  return {{"path", "/pricing"}, {"zone", "us-east-1a"}, {"subject", "customer-42"},
          {"time", "2026-11-22T17:47:00.123Z"}, {"method", "GET"}, {"duration_ms", "417"}};
}

template <typename Work>
void naive(State& state, Work work, std::int64_t items = 1) {
  for (auto _ : state) DoNotOptimize(work());
  state.SetItemsProcessed(state.iterations() * items);
}

void paths_naive(State& state) {
  const Table table = event_table();
  naive(state, [&] {
    return std::vector<std::string>{table.at("path"), table.at("zone"), table.at("subject"),
                                    table.at("time")};
  });
}
BENCHMARK(paths_naive)->Name("mapping/paths/naive");

void object_naive(State& state) {
  const Table from = event_table();
  naive(state, [&] {
    Table made{{"specversion", "1.0"}, {"type", "api-calls"}, {"source", "otlp-log"}};
    for (const char* key : {"time", "subject", "method", "path", "zone", "duration_ms"}) {
      made[key] = from.at(key);
    }
    return made;
  });
}
BENCHMARK(object_naive)->Name("mapping/object_literal/naive");

void string_naive(State& state) {
  const std::string subject = "customer-42";
  naive(state, [&] {
    std::string text = subject;
    for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    if (const auto at = text.find("CUSTOMER"); at != text.npos) text.replace(at, 8, "c");
    return text;
  });
}
BENCHMARK(string_naive)->Name("mapping/string_methods/naive");

void number_naive(State& state) {
  naive(state, [] {
    char text[32];
    std::snprintf(text, sizeof text, "%g ms", 417 * 1.5);
    return std::string(text);
  });
}
BENCHMARK(number_naive)->Name("mapping/number_formatting/naive");

void time_naive(State& state) {
  naive(state, [] {
    tm parts{};
    strptime("2026-11-22T17:47:00", "%Y-%m-%dT%H:%M:%S", &parts);
    const time_t seconds = timegm(&parts);
    gmtime_r(&seconds, &parts);
    char text[32];
    std::strftime(text, sizeof text, "%Y-%m-%d %H:%M", &parts);
    return std::string(text);
  });
}
BENCHMARK(time_naive)->Name("mapping/timestamps/naive");

void match_naive(State& state) {
  const Table table = event_table();
  naive(state, [&]() -> std::string {
    const std::string method = table.at("method");
    if (method == "POST") return "1";
    if (method == "PUT") return "2";
    if (method == "GET") return std::stod(table.at("duration_ms")) > 400 ? "slow" : "fast";
    return "3";
  });
}
BENCHMARK(match_naive)->Name("mapping/if_and_match/naive");

void map_each_naive(State& state) {
  std::vector<double> items;
  for (int i = 0; i < 1000; ++i) items.push_back(i * 7 % 1000);
  naive(state, [&] {
    std::vector<double> doubled;
    std::ranges::transform(items, std::back_inserter(doubled), [](double item) { return item * 2; });
    return doubled;
  }, 1000);
}
BENCHMARK(map_each_naive)->Name("mapping_elements/map_each/naive");

void fold_naive(State& state) {
  std::vector<double> items;
  for (int i = 0; i < 1000; ++i) items.push_back(i * 7 % 1000);
  naive(state, [&] {
    double sum = 0;
    for (const double& item : items) DoNotOptimize(sum += item);
    return sum;
  }, 1000);
}
BENCHMARK(fold_naive)->Name("mapping_elements/fold/naive");

void uuid_naive(State& state) {
  std::mt19937_64 random;
  naive(state, [&] {
    const std::uint64_t high = random(), low = random();
    char text[40];
    std::snprintf(text, sizeof text, "%08x-%04x-4%03x-%04x-%012llx",
                  static_cast<unsigned>(high >> 32), static_cast<unsigned>(high >> 16 & 0xffff),
                  static_cast<unsigned>(high & 0xfff),
                  static_cast<unsigned>(low >> 48 & 0x3fff) | 0x8000,
                  static_cast<unsigned long long>(low & 0xffffffffffff));
    return std::string(text);
  });
}
BENCHMARK(uuid_naive)->Name("mapping/uuid/naive");

// Machinery ---------------------------------------------------------------------------------------

/// A hand-over to a worker and back, `range` items under way at a time.
void queue_hop(State& state) {
  std::atomic<std::int64_t> handled{0};
  WorkQueue<int> queue(1, [&](std::size_t, int) {
    handled.fetch_add(1);
    handled.notify_one();
  });
  std::int64_t pushed = 0;
  for (auto _ : state) {
    for (std::int64_t i = 0; i < state.range(0); ++i, ++pushed) queue.push(0);
    for (auto seen = handled.load(); seen != pushed; seen = handled.load()) handled.wait(seen);
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(queue_hop)->Arg(1)->Arg(16)->Arg(128)->UseRealTime();

void counters(State& state) {
  static MetricsRegistry registry{Logger()};
  Counter& counter = registry.counter("events", {});
  for (auto _ : state) counter.add_count(1);
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(counters)->Threads(1)->Threads(2);

void timers(State& state) {
  static MetricsRegistry registry{Logger()};
  Timer& timer = registry.timer("latency", {});
  for (auto _ : state) timer.record(std::chrono::microseconds(250));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(timers)->Threads(1)->Threads(2);

void ledger(State& state) {
  static Ledger shared;
  TransactionResult delivered;
  delivered.records = 512;
  delivered.count[static_cast<std::size_t>(Outcome::delivered)] = 512;
  for (auto _ : state) {
    shared.receive(512);
    shared.settle(delivered);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(ledger)->Threads(1)->Threads(2);

}  // namespace
}  // namespace tollgate::bench

BENCHMARK_MAIN();
