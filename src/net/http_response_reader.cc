#include "net/http_response_reader.h"

#include <algorithm>
#include <charconv>

#include "base/strings.h"

namespace tollgate {
namespace {

/// The whole of `text` as a number in `base`.
std::optional<std::uint64_t> number(std::string_view text, int base) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// Calls `take` with each member of the lists that fields of this name hold.
template <typename Take>
void each_listed(const HttpHeaders& headers, std::string_view name, Take take) {
  for (const auto& [key, value] : headers) {
    if (!same_header(key, name)) continue;
    for (const std::string_view member : listed(value)) take(member);
  }
}

/// "HTTP/1.1 200 OK", of any 1.x; the reason may be missing.
bool is_status_line(std::string_view line) {
  const auto digit = [&](std::size_t at) { return line[at] >= '0' && line[at] <= '9'; };
  return line.size() >= 12 && line.starts_with("HTTP/1.") && digit(7) && line[8] == ' ' &&
         line[9] != '0' && digit(9) && digit(10) && digit(11) && (line.size() == 12 || line[12] == ' ');
}

std::string quoted(std::string_view text) {
  std::string shown = "\"";
  for (const char c : text.substr(0, 60)) shown += c >= 0x20 && c < 0x7f ? c : '?';
  return shown + "\"";
}

std::unexpected<Error> malformed(std::string_view what, std::string_view found) {
  return transient("malformed HTTP response: " + std::string(what) + quoted(found));
}

}  // namespace

std::unexpected<Error> response_too_large(std::size_t limit) {
  return transient("the response body is larger than " + std::to_string(limit) + " bytes");
}

void add_response_line(HttpResponse& response, std::string_view line, bool after_body) {
  if (!after_body && line.starts_with("HTTP/")) {
    response = HttpResponse();
    const auto rest = trim(line.substr(std::min(line.find(' '), line.size())));
    std::from_chars(rest.data(), rest.data() + std::min<std::size_t>(3, rest.size()), response.status);
    response.reason = trim(rest.substr(std::min<std::size_t>(3, rest.size())));
    return;
  }
  const auto text = trim(line);
  const auto colon = text.find(':');
  if (colon == std::string_view::npos) return;
  auto& target = after_body ? response.trailers : response.headers;
  target.emplace_back(text.substr(0, colon), trim(text.substr(colon + 1)));
}

Result<std::size_t> HttpResponseReader::feed(std::string_view bytes) {
  const std::size_t given = bytes.size();
  started_ |= given > 0;
  while (!bytes.empty() && state_ != State::done) {
    if (state_ == State::counted || state_ == State::until_closed || state_ == State::chunk) {
      TRY(take_body(bytes));
      continue;
    }
    const auto end = bytes.find('\n');
    const std::string_view piece = bytes.substr(0, end);
    line_bytes_ += piece.size();
    if (line_bytes_ > limits_.head_bytes) {
      return transient("the head of the response is larger than " +
                       std::to_string(limits_.head_bytes) + " bytes");
    }
    if (end == std::string_view::npos) {
      line_ += piece;
      return given;
    }
    bytes.remove_prefix(end + 1);
    ++line_bytes_;
    std::string joined;
    std::string_view line = piece;
    if (!line_.empty()) {
      joined = std::exchange(line_, std::string());
      line = joined += piece;
    }
    if (line.ends_with('\r')) line.remove_suffix(1);
    TRY(take_line(line));
  }
  return given - bytes.size();
}

Result<> HttpResponseReader::take_line(std::string_view line) {
  switch (state_) {
    case State::head:
      if (response_.status == 0) {
        if (!is_status_line(line)) return malformed("it begins with ", line);
        add_response_line(response_, line, false);
        keeps_alive_ = line[7] != '0';
        return {};
      }
      if (line.empty()) return head_ended();
      if (line.front() == ' ' || line.front() == '\t') {
        // A folded field (RFC 9112, 5.2).
        if (response_.headers.empty()) return malformed("it has the field ", line);
        response_.headers.back().second.append(" ").append(trim(line));
        return {};
      }
      if (line.find(':') == std::string_view::npos) {
        return malformed("it has the field ", line);
      }
      add_response_line(response_, line, false);
      return {};
    case State::chunk_size: return begin_chunk(line);
    case State::chunk_end:
      if (!line.empty()) return malformed("a chunk is followed by ", line);
      state_ = State::chunk_size;
      return {};
    default:  // trailers
      if (line.empty()) {
        state_ = State::done;
      } else {
        add_response_line(response_, line, true);
      }
      return {};
  }
}

Result<> HttpResponseReader::head_ended() {
  const int status = response_.status;
  if (status == 101) return malformed("nobody asked for ", "101");
  if (status / 100 == 1) {
    response_ = HttpResponse();
    return {};
  }
  each_listed(response_.headers, "Connection", [&](std::string_view option) {
    if (same_header(option, "close")) keeps_alive_ = false;
    if (same_header(option, "keep-alive")) keeps_alive_ = true;
  });
  if (to_head_ || status == 204 || status == 304) {
    state_ = State::done;
    return {};
  }
  std::string_view coding;
  each_listed(response_.headers, "Transfer-Encoding", [&](std::string_view name) { coding = name; });
  if (!coding.empty() && !same_header(coding, "identity")) {
    if (same_header(coding, "chunked")) {
      state_ = State::chunk_size;
      return {};
    }
    return malformed("its transfer encoding is ", coding);
  }
  std::optional<std::uint64_t> length;
  std::string_view bad;
  each_listed(response_.headers, "Content-Length", [&](std::string_view text) {
    const auto told = number(text, 10);
    if (!told || (length && *length != *told)) bad = text;
    length = told;
  });
  if (!bad.empty() || (length == std::nullopt && response_.header("Content-Length") != nullptr)) {
    return malformed("its length is ", bad);
  }
  if (!length) {
    keeps_alive_ = false;
    state_ = State::until_closed;
    return {};
  }
  if (*length > limits_.body_bytes) return response_too_large(limits_.body_bytes);
  left_ = *length;
  state_ = left_ == 0 ? State::done : State::counted;
  return {};
}

Result<> HttpResponseReader::begin_chunk(std::string_view line) {
  const auto size = number(trim(line.substr(0, line.find(';'))), 16);
  if (!size) return malformed("the size of a chunk is ", line);
  if (*size > limits_.body_bytes - response_.body.size()) return response_too_large(limits_.body_bytes);
  left_ = *size;
  state_ = left_ == 0 ? State::trailers : State::chunk;
  return {};
}

Result<> HttpResponseReader::take_body(std::string_view& bytes) {
  std::size_t count = bytes.size();
  if (state_ == State::until_closed) {
    if (count > limits_.body_bytes - response_.body.size()) return response_too_large(limits_.body_bytes);
  } else {
    count = static_cast<std::size_t>(std::min<std::uint64_t>(count, left_));
    left_ -= count;
  }
  response_.body.append(bytes.substr(0, count));
  bytes.remove_prefix(count);
  if (state_ == State::counted && left_ == 0) state_ = State::done;
  if (state_ == State::chunk && left_ == 0) state_ = State::chunk_end;
  return {};
}

Result<> HttpResponseReader::end_of_input() {
  if (state_ == State::until_closed) {
    state_ = State::done;
    return {};
  }
  return transient(started_ ? "unexpected EOF: the server closed the connection within the response"
                            : "EOF: the server closed the connection without a response");
}

}  // namespace tollgate
