// Functions that read the machine: its clock, environment, files and name.

#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>

#include "bloblang/functions/catalogue.h"
#include "bloblang/program/files.h"
#include "value/timestamp.h"

namespace tollgate::bloblang {
namespace {

// Clock -------------------------------------------------------------------------------------------

std::chrono::nanoseconds since_epoch() {
  return std::chrono::system_clock::now().time_since_epoch();
}

template <typename Unit>
Value unix_time(Call&, Value) {
  return Value::int64(std::chrono::floor<Unit>(since_epoch()).count());
}

Value now(Call& call, Value) {
  const auto instant = since_epoch();
  const auto seconds = std::chrono::floor<std::chrono::seconds>(instant);
  std::string text;
  append_rfc3339(text, {seconds.count(), static_cast<std::int32_t>((instant - seconds).count()),
                        Zone::local()});
  return call.string(text);
}

// Environment and files ---------------------------------------------------------------------------

bool may_be_cached(const Arguments& arguments) { return !arguments.boolean(1); }

Value env(Call& call, Value) {
  const char* value = std::getenv(std::string(call.text(0)).c_str());
  return value ? call.string(value) : Value::null();
}

Value read(Call& call, const std::string& path) {
  const auto content = read_file(path);
  return content ? call.bytes(*content) : call.error(content.error());
}

Value file(Call& call, Value) { return read(call, std::string(call.text(0))); }

Value file_rel(Call& call, Value) {
  const std::filesystem::path path(call.text(0));
  if (path.is_absolute()) return read(call, path.string());
  std::error_code ignored;
  const auto whole = std::filesystem::current_path(ignored) / path;
  std::string normal = whole.lexically_normal().string();
  if (normal.size() > 1 && normal.ends_with('/')) normal.pop_back();
  return read(call, normal);
}

Value hostname(Call& call, Value) {
  char name[256] = {};
  if (::gethostname(name, sizeof name - 1) != 0) return call.error("hostname is not available");
  return call.string(name);
}

// Entries -----------------------------------------------------------------------------------------

constexpr Parameter kNoCache = {"no_cache", Type::boolean, "Read it at each call instead of once.",
                                Need::defaulted, Value::boolean(false)};

constinit const Function kEntries[] = {
    {.name = "now",
     .category = Category::environment,
     .call = now,
     .description = "The time as text, RFC 3339 with nanoseconds.",
     .examples = {{.mapping = "root.received_at = now()", .is_random = true}}},
    {.name = "timestamp_unix",
     .category = Category::environment,
     .call = unix_time<std::chrono::seconds>,
     .description = "Seconds since 1970.",
     .examples = {{.mapping = "root.received_at = timestamp_unix()", .is_random = true}}},
    {.name = "timestamp_unix_milli",
     .category = Category::environment,
     .call = unix_time<std::chrono::milliseconds>,
     .description = "Milliseconds since 1970."},
    {.name = "timestamp_unix_micro",
     .category = Category::environment,
     .call = unix_time<std::chrono::microseconds>,
     .description = "Microseconds since 1970."},
    {.name = "timestamp_unix_nano",
     .category = Category::environment,
     .call = unix_time<std::chrono::nanoseconds>,
     .description = "Nanoseconds since 1970."},
    {.name = "env",
     .category = Category::environment,
     .parameters = {{"name", Type::string, "The variable."}, kNoCache},
     .impure = true,
     .folds_with = may_be_cached,
     .call = env,
     .description = "The value of an environment variable, null if it is not set.",
     .examples = {{.mapping = "root.key = env(\"API_KEY\")", .is_random = true}}},
    {.name = "file",
     .category = Category::environment,
     .parameters = {{"path", Type::string, "The file."}, kNoCache},
     .impure = true,
     .folds_with = may_be_cached,
     .call = file,
     .description = "The content of a file as bytes; relative to the working directory.",
     .examples = {{.mapping = "root.limits = file(\"/etc/limits.json\").parse_json()",
                   .is_random = true}}},
    {.name = "file_rel",
     .category = Category::environment,
     .parameters = {{"path", Type::string, "The file."}, kNoCache},
     .impure = true,
     .folds_with = may_be_cached,
     .call = file_rel,
     .description = "The content of a file as bytes; relative to the mapping."},
    {.name = "hostname",
     .category = Category::environment,
     .impure = true,
     .call = hostname,
     .description = "The name of this machine."},
};

}  // namespace

constinit const std::span<const Function> kEnvironmentFunctions = kEntries;

}  // namespace tollgate::bloblang
