#include "sandbox/cloud_event.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <limits>

#include "base/strings.h"
#include "net/url.h"
#include "value/encoding.h"
#include "value/json.h"
#include "value/number.h"
#include "value/time_layout.h"

namespace tollgate {

namespace {

constexpr std::size_t max_violations = 100;
constexpr std::int64_t us_per_second = 1'000'000;

/// A value as a message shows it: short, and with what kind of thing it is.
std::string describe_value(const Value* value, Arena& arena) {
  if (value == nullptr) return "nothing";
  if (value->is_null()) return "null";
  if (value->is(Kind::object)) return "an object";
  if (value->is(Kind::array)) return "an array";
  std::string text;
  append_json(text, *value, arena);
  constexpr std::size_t shown = 80;
  if (text.size() > shown) {
    std::size_t end = shown;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
    text = text.substr(0, end) + "…";
  }
  return fmt::format("{} {}", kind_name(value->kind()), text);
}

/// A URI-reference holds no spaces, control characters or the few others that RFC 3986 leaves out,
/// and a '%' only before two hex digits.
bool is_uri_reference(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (static_cast<unsigned char>(c) <= 0x20 || c == 0x7f) return false;
    if (std::string_view("<>\"{}|\\^`").contains(c)) return false;
    const auto hex = [&](std::size_t at) {
      return at < text.size() && std::isxdigit(static_cast<unsigned char>(text[at])) != 0;
    };
    if (c == '%' && (!hex(i + 1) || !hex(i + 2))) return false;
  }
  return true;
}

/// Lower-case letters and digits: what the name of an attribute is made of.
bool is_attribute_name(std::string_view name) {
  return !name.empty() && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
  });
}

/// CloudEvents' Integer is 32 bits, signed.
bool is_extension_value(Value value) {
  if (value.is(Kind::string) || value.is(Kind::boolean)) return true;
  if (!value.is_number()) return false;
  const Value number = resolve_number(value);
  return number.is(Kind::int64) &&
         number.as_int64() >= std::numeric_limits<std::int32_t>::min() &&
         number.as_int64() <= std::numeric_limits<std::int32_t>::max();
}

/// Checks one event and makes its stored form, noting every violation.
class EventReader {
 public:
  EventReader(Object& event, std::size_t index, const EventRules& rules, Arena& arena,
              std::vector<EventViolation>& violations)
      : event_(event), index_(index), rules_(rules), arena_(arena), violations_(violations) {}

  CloudEvent read() {
    const auto before = violations_.size();
    CloudEvent out;
    out.id = text("id", "a non-empty string");
    out.source = text("source", "a non-empty URI reference");
    if (!is_uri_reference(out.source)) refuse("source", "a URI reference (no spaces, RFC 3986)");
    out.type = text("type", "a non-empty string");
    out.subject = text("subject", "a non-empty string");
    read_version();
    out.time_us = read_time();
    read_data();
    for (const Member& member : event_.members(arena_)) read_extension(member);
    if (violations_.size() == before) store(out);
    return out;
  }

 private:
  const Value* find(std::string_view key) const {
    const Value* value = event_.find(key, arena_);
    return value;
  }
  /// As find(), with null counted as absent: OpenMeter's optional fields are nullable.
  const Value* find_set(std::string_view key) const {
    const Value* value = find(key);
    return value != nullptr && value->is_null() ? nullptr : value;
  }

  void refuse(std::string_view field, std::string_view expected) {
    if (violations_.size() >= max_violations) return;
    violations_.push_back({index_, std::string(field), std::string(expected),
                           describe_value(find(field), arena_)});
  }

  std::string text(std::string_view key, std::string_view expected) {
    const Value* value = find(key);
    if (value != nullptr && value->is(Kind::string) && !value->as_text().empty()) {
      return std::string(value->as_text());
    }
    refuse(key, expected);
    return {};
  }

  void read_version() {
    const Value* value = find("specversion");
    const bool known = value != nullptr && value->is(Kind::string) && value->as_text() == "1.0";
    if (!known) refuse("specversion", "\"1.0\"");
  }

  std::int64_t read_time() {
    const Value* value = find_set("time");
    if (value == nullptr) return rules_.now_us;
    if (value->is(Kind::string)) {
      if (const auto time = parse_rfc3339(value->as_text())) {
        return time->seconds * us_per_second + time->nanoseconds / 1000;
      }
    }
    refuse("time", "an RFC 3339 time such as 2006-01-02T15:04:05Z, or null");
    return 0;
  }

  void read_data() {
    if (const Value* data = find_set("data"); data != nullptr && !data->is(Kind::object)) {
      refuse("data", "a JSON object or null");
    }
    if (find_set("data_base64") != nullptr) {
      refuse("data_base64", "no such field: data is a JSON object");
    }
    if (const Value* type = find_set("datacontenttype")) {
      if (!type->is(Kind::string) || !equal_ignoring_case(type->as_text(), "application/json")) {
        refuse("datacontenttype", "\"application/json\" or null");
      }
    }
    if (const Value* schema = find_set("dataschema")) {
      if (!schema->is(Kind::string) || schema->as_text().empty() ||
          !is_uri_reference(schema->as_text())) {
        refuse("dataschema", "a non-empty URI or null");
      }
    }
  }

  void read_extension(const Member& member) {
    static constexpr std::array<std::string_view, 10> known = {
        "data",    "data_base64", "datacontenttype", "dataschema", "id",
        "source",  "specversion", "subject",         "time",       "type"};
    if (std::ranges::binary_search(known, member.key)) return;
    if (!rules_.extensions) {
      refuse(member.key, "no additional attributes (this API's schema allows none)");
    } else if (!is_attribute_name(member.key)) {
      refuse(member.key, "an attribute name of lower-case letters and digits");
    } else if (!member.value.is_null() && !is_extension_value(member.value)) {
      refuse(member.key, "a string, a boolean or a 32-bit integer");
    }
  }

  void store(CloudEvent& out) {
    const auto members = event_.members(arena_);
    Object* kept = make_object(arena_, members.size() + 1);
    for (const Member& member : members) {
      if (!member.value.is_null()) kept->set(member.key, member.value, arena_);
    }
    append_json(out.json, Value::object(kept), arena_);
    out.digest = XXH3_64bits(out.json.data(), out.json.size());
    if (kept->find("time", arena_) != nullptr) return;
    const std::string time = format_time_us(out.time_us);
    kept->set("time", Value::string(arena_.copy(time)), arena_);
    out.json.clear();
    append_json(out.json, Value::object(kept), arena_);
  }

  Object& event_;
  const std::size_t index_;
  const EventRules& rules_;
  Arena& arena_;
  std::vector<EventViolation>& violations_;
};

EventRefusal refusal_of(std::vector<EventViolation> violations) {
  EventRefusal refusal;
  refusal.detail = violations.front().text();
  if (violations.size() > 1) refusal.detail += fmt::format(" (and {} more)", violations.size() - 1);
  refusal.violations = std::move(violations);
  return refusal;
}

EventRefusal wrong_body(std::string_view expected, std::string found) {
  return {fmt::format("body: expected {}, found {}", expected, found), {}};
}

ReadEvents read_list(std::span<const Value> values, const EventRules& rules, Arena& arena) {
  std::vector<CloudEvent> events;
  events.reserve(values.size());
  std::vector<EventViolation> violations;
  for (std::size_t i = 0; i < values.size() && violations.size() < max_violations; ++i) {
    if (!values[i].is(Kind::object)) {
      violations.push_back({i, "", "a CloudEvent object", describe_value(&values[i], arena)});
      continue;
    }
    EventReader reader(values[i].as_object(), i, rules, arena, violations);
    events.push_back(reader.read());
  }
  if (!violations.empty()) return std::unexpected(refusal_of(std::move(violations)));
  return events;
}

}  // namespace

std::string EventViolation::text() const {
  if (field.empty()) return fmt::format("event {}: expected {}, found {}", index, expected, found);
  return fmt::format("event {}: {}: expected {}, found {}", index, field, expected, found);
}

ReadEvents read_events(std::string_view body, EventForm form, const EventRules& rules) {
  if (!valid_utf8(body)) return std::unexpected(wrong_body("UTF-8", "other bytes"));
  Arena arena(body.size() * 2 + 4096);
  const Value value = parse_json(body, arena);
  if (value.is_error()) {
    return std::unexpected(wrong_body("JSON", fmt::format("a mistake: {}", value.as_text())));
  }
  if (value.is(Kind::object) && form != EventForm::batch) {
    return read_list(std::span(&value, 1), rules, arena);
  }
  if (value.is(Kind::array) && form != EventForm::one) {
    return read_list({value.as_array().begin(), value.as_array().end()}, rules, arena);
  }
  const std::string_view expected =
      form == EventForm::one     ? "one CloudEvent (application/cloudevents+json)"
      : form == EventForm::batch ? "an array of CloudEvents (application/cloudevents-batch+json)"
                                 : "a CloudEvent or an array of CloudEvents";
  return std::unexpected(wrong_body(expected, describe_value(&value, arena)));
}

bool is_binary_event(const HttpHeaders& headers) {
  return find_header(headers, "ce-specversion") != nullptr ||
         find_header(headers, "ce-id") != nullptr;
}

ReadEvents read_binary_event(const HttpHeaders& headers, std::string_view body,
                             const EventRules& rules) {
  if (!valid_utf8(body)) return std::unexpected(wrong_body("UTF-8", "other bytes"));
  Arena arena(body.size() * 2 + 4096);
  Object* event = make_object(arena, headers.size() + 2);
  for (const auto& [name, value] : headers) {
    if (name.size() <= 3 || !equal_ignoring_case(std::string_view(name).substr(0, 3), "ce-")) continue;
    const std::string key = to_lower(std::string_view(name).substr(3));
    const std::string text = unescape_url(value);
    if (!valid_utf8(text)) {
      return std::unexpected(refusal_of({{0, key, "percent-encoded UTF-8", "other bytes"}}));
    }
    event->set(arena.copy(key), Value::string(arena.copy(text)), arena);
  }
  if (!trim(body).empty()) {
    const Value data = parse_json(body, arena);
    if (data.is_error()) {
      return std::unexpected(wrong_body("JSON", fmt::format("a mistake: {}", data.as_text())));
    }
    event->set("data", data, arena);
  }
  const Value value = Value::object(event);
  return read_list(std::span(&value, 1), rules, arena);
}

std::string format_time_us(std::int64_t time_us) {
  auto seconds = time_us / us_per_second;
  auto rest = time_us % us_per_second;
  if (rest < 0) {
    rest += us_per_second;
    --seconds;
  }
  std::string text;
  append_rfc3339(text, Timestamp{seconds, static_cast<std::int32_t>(rest * 1000), nullptr});
  return text;
}

}  // namespace tollgate
