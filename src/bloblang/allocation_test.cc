// What a warm mapping takes from the global heap: nothing. All that an execution builds lives in the
// arena of its batch, which is reused. (Some functions take a little for the words of an error.)

#include <gtest/gtest.h>

#include <cstdlib>
#include <new>
#include <string_view>

#include "bloblang/bloblang.h"
#include "message/message.h"

namespace {
thread_local std::size_t allocations = 0;

void* counted(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size ? size : 1)) return memory;
  std::abort();
}
}  // namespace

// Of the whole test program.
void* operator new(std::size_t size) { return counted(size); }
void* operator new[](std::size_t size) { return counted(size); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return counted(size); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return counted(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }

namespace tollgate {
namespace {

constexpr std::string_view kInput =
    R"({"id":"a1","user":{"name":"  Ada Lovelace ","plan":"pro"},"time":"2026-11-22T17:47:00.123Z",)"
    R"("path":"/v1/pricing/eu","status":204,"bytes":1536.75,"items":[3,1,2,5,4],)"
    R"("rows":[{"sku":"x","count":2},{"sku":"y","count":3}]})";

std::size_t allocations_of(std::string_view source) {
  const auto mapping = Mapping::compile(source);
  EXPECT_TRUE(mapping) << source << ": " << mapping.error().one_line();
  if (!mapping) return 0;
  std::size_t last = 0;
  for (int run = 0; run < 4; ++run) {  // the first ones warm the memory up
    Batch batch;
    Message& message = batch.add();
    message.set_bytes(kInput);
    message.document();
    message.identity = {1, 2, true};
    const std::size_t before = allocations;
    const MapResult result = mapping->map(batch, 0, message);
    last = allocations - before;
    EXPECT_EQ(result.what, Mapped::replaced) << source << ": " << result.error;
  }
  return last;
}

TEST(WarmMapping, TakesNothingFromTheHeap) {
#ifndef __OPTIMIZE__
  GTEST_SKIP() << "some of the library's objects go to the heap unless they are optimised away";
#endif
  const std::string_view mappings[] = {
      R"(root = this)",
      R"(root.a.b.c = this.user.name)",
      R"(root = {"id": uuid_v4(), "specversion": "1.0", "subject": this.user.plan,
         "data": {"path": this.path, "status": this.status}})",
      R"(root = this
root.user = deleted()
root.extra = this.status + this.bytes * 2 - 1)",
      R"(root.name = this.user.name.trim().uppercase()
root.low = this.user.name.lowercase()
root.has = this.path.contains("pricing") && this.path.has_prefix("/v1"))",
      R"(root.part = this.path.split("/").index(2)
root.joined = this.path.split("/").join("-"))",
      R"(root.text = this.status.string() + " " + this.bytes.string())",
      R"(root.round = this.bytes.round()
root.least = this.items.min()
root.length = this.items.length())",
      R"(root.tier = match this.user.plan { "free" => 0, "pro" => 1, _ => 2 }
root.kind = if this.status >= 400 { "error" } else { "ok" })",
      R"(root.twice = this.items.map_each(i -> i * 2)
root.big = this.items.filter(i -> i > 2)
root.sum = this.items.fold(0, f -> f.tally + f.value))",
      R"(root.counts = this.rows.map_each(r -> r.count).sum())",
      R"(let plan = this.user.plan | "none"
root.plan = $plan
root.missing = this.nothing.here | "default"
meta kind = "event")",
      R"(map short { root.s = this.sku }
root.rows = this.rows.map_each(r -> r.apply("short")))",
      R"(root.time = this.time.ts_parse("2006-01-02T15:04:05Z07:00").ts_unix())",
      R"(root.time = this.time.ts_unix())",
      R"(root.day = this.time.ts_parse("2006-01-02T15:04:05.999Z07:00").ts_format("Mon, 02 Jan"))",
      R"(root.version = this.path.re_replace_all("^/(v[0-9]+)/(.*)$", "$1 of $2 on /$1/$2")
root.is_pricing = this.path.re_match("/pricing/[a-z]{2}$"))",
      R"(let user = this.user
root.line = "%s of plan %s: %v".format($user.name.capitalize(), $user.plan, this.status.int64())
root.name = $user.name)",
      R"(root.or = this.nothing.here.or("default")
root.caught = this.path.uppercase().catch("none"))",
  };
  for (const auto source : mappings) EXPECT_EQ(allocations_of(source), 0u) << source;
}

}  // namespace
}  // namespace tollgate
