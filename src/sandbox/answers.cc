#include "sandbox/answers.h"

#include <fmt/format.h>

#include <chrono>
#include <cmath>

#include "value/json.h"
#include "value/number.h"

namespace tollgate {

namespace {

JsonText begin_problem(int status, std::string_view detail) {
  JsonText out;
  out.open('{').key("type").string("about:blank");
  out.key("title").string(http_reason(status));
  out.key("status").number(static_cast<std::uint64_t>(status));
  out.key("detail").string(detail);
  return out;
}

ServerResponse finish_problem(int status, JsonText out) {
  out.close('}');
  return {status, {{"Content-Type", "application/problem+json"}}, std::move(out).text() + "\n", false};
}

}  // namespace

void JsonText::separate() {
  if (out_.empty()) return;
  const char last = out_.back();
  if (last != '{' && last != '[' && last != ':') out_ += ',';
}

JsonText& JsonText::open(char bracket) {
  separate();
  out_ += bracket;
  return *this;
}

JsonText& JsonText::close(char bracket) {
  out_ += bracket;
  return *this;
}

JsonText& JsonText::key(std::string_view name) {
  string(name);
  out_ += ':';
  return *this;
}

JsonText& JsonText::string(std::string_view text) {
  separate();
  append_json_string(out_, text);
  return *this;
}

JsonText& JsonText::number(std::uint64_t number) {
  separate();
  append_uint(out_, number);
  return *this;
}

JsonText& JsonText::number(double number) {
  // JSON has no infinities.
  if (!std::isfinite(number)) return null();
  separate();
  append_json_float(out_, number);
  return *this;
}

JsonText& JsonText::time(std::int64_t time_us) { return string(format_time_us(time_us)); }

JsonText& JsonText::raw(std::string_view json) {
  separate();
  out_ += json;
  return *this;
}

ServerResponse problem(int status, std::string_view detail) {
  return finish_problem(status, begin_problem(status, detail));
}

ServerResponse problem(const EventRefusal& refusal) {
  JsonText out = begin_problem(400, refusal.detail);
  out.key("invalid_parameters").open('[');
  for (const EventViolation& each : refusal.violations) {
    out.open('{').key("index").number(std::uint64_t{each.index});
    out.key("field").string(each.field);
    out.key("expected").string(each.expected);
    out.key("found").string(each.found);
    out.key("reason").string(each.text()).close('}');
  }
  out.close(']');
  return finish_problem(400, std::move(out));
}

std::int64_t now_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace tollgate
