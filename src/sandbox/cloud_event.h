#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "net/http.h"
#include "value/value.h"

namespace tollgate {

/// A CloudEvent that the sandbox took in.
struct CloudEvent {
  std::string id;
  std::string source;
  std::string type;
  std::string subject;
  std::int64_t time_us = 0;  ///< since 1970; the time of receipt where the event names none
  std::uint64_t digest = 0;  ///< of the event as sent, whatever the order of its keys
  std::string json;          ///< keys sorted, numbers as sent, `time` filled in
};

/// What is wrong with one field of one event.
struct EventViolation {
  std::size_t index = 0;  ///< of the event in its request
  std::string field;      ///< "subject", "data"; "" for the event as a whole
  std::string expected;
  std::string found;

  /// "event 3: subject: expected a non-empty string, found nothing"
  std::string text() const;
};

/// Why a request is answered with 400: the sentence that sums it up, and each violation (at most
/// 100).
struct EventRefusal {
  std::string detail;
  std::vector<EventViolation> violations;
};

struct EventRules {
  /// Attributes that CloudEvents does not define are taken, as the v1 API does; the v3 schema
  /// allows no additional ones.
  bool extensions = true;
  std::int64_t now_us = 0;  ///< the time of receipt
};

using ReadEvents = std::expected<std::vector<CloudEvent>, EventRefusal>;

enum class EventForm : unsigned char { one, batch, either };

/// Events in structured or batch mode: the body is the event, or an array of events.
ReadEvents read_events(std::string_view body, EventForm form, const EventRules& rules);

/// An event in binary mode: attributes in ce-* headers, the body is its data.
ReadEvents read_binary_event(const HttpHeaders& headers, std::string_view body,
                             const EventRules& rules);
/// Whether the headers carry an event in binary mode.
bool is_binary_event(const HttpHeaders& headers);

/// 2024-01-02T03:04:05.678Z
std::string format_time_us(std::int64_t time_us);

}  // namespace tollgate
