#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "net/http_server.h"
#include "sandbox/cloud_event.h"

namespace tollgate {

/// JSON written piece by piece; commas come by themselves.
class JsonText {
 public:
  JsonText& open(char bracket);
  JsonText& close(char bracket);
  JsonText& key(std::string_view name);
  JsonText& string(std::string_view text);
  JsonText& number(std::uint64_t number);
  JsonText& number(double number);
  JsonText& time(std::int64_t time_us);
  JsonText& null() { return raw("null"); }
  JsonText& raw(std::string_view json);

  std::string text() && { return std::move(out_); }

 private:
  void separate();
  std::string out_;
};

/// application/problem+json: RFC 7807 with the standard phrase as the title.
ServerResponse problem(int status, std::string_view detail);
/// A 400 that lists what is wrong with which event, in `invalid_parameters`.
ServerResponse problem(const EventRefusal& refusal);

/// Now, in microseconds since 1970.
std::int64_t now_us();

}  // namespace tollgate
