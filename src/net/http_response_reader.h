#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "net/http_client.h"

namespace tollgate {

/// Adds one line of a response's head to it: a status line, which begins the response anew, or a
/// field, which is a trailer when it comes after the body. Line ends may be there or not.
void add_response_line(HttpResponse& response, std::string_view line, bool after_body);

std::unexpected<Error> response_too_large(std::size_t limit);

/// Reads one HTTP/1.x response from bytes as they come (RFC 9112, sections 4 to 7); takes bare line
/// feeds and a status line without a reason as browsers do. Interim responses (1xx) are skipped.
class HttpResponseReader {
 public:
  struct Limits {
    std::size_t head_bytes = std::size_t{300} << 10;  ///< all lines: heads, chunk sizes, trailers
    std::size_t body_bytes = std::size_t{64} << 20;   ///< as on the wire
  };

  /// `to_head`: the response to a HEAD request, which has no body.
  HttpResponseReader(bool to_head, Limits limits) : to_head_(to_head), limits_(limits) {}

  /// Takes bytes, all of them unless the response ends before. An error says what is wrong with the
  /// response, which cannot be read on.
  Result<std::size_t> feed(std::string_view bytes);
  /// The connection ended. An error unless that is how the response ends.
  Result<> end_of_input();

  bool started() const { return started_; }
  bool done() const { return state_ == State::done; }
  /// Whether the connection may serve another request. For a response that is done.
  bool keeps_alive() const { return keeps_alive_; }
  /// What has come so far.
  HttpResponse& response() { return response_; }

 private:
  enum class State : std::uint8_t {
    head, counted, until_closed, chunk_size, chunk, chunk_end, trailers, done
  };

  Result<> take_line(std::string_view line);
  Result<> head_ended();
  Result<> begin_chunk(std::string_view line);
  Result<> take_body(std::string_view& bytes);

  const bool to_head_;
  const Limits limits_;
  State state_ = State::head;
  bool started_ = false;
  bool keeps_alive_ = false;
  std::size_t line_bytes_ = 0;  ///< of all lines so far
  std::uint64_t left_ = 0;      ///< of the body, or of the chunk
  std::string line_;            ///< the part of a line that came with the bytes before
  HttpResponse response_;
};

}  // namespace tollgate
