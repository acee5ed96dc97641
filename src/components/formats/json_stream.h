#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"

namespace tollgate {

/// Finds where JSON values end in a stream that comes in pieces, by brackets and quotes alone: what
/// it finds is still to be parsed. One thread.
/// Limit: a value of 256 MiB.
class JsonStream {
 public:
  Result<> feed(std::string_view bytes);
  void finish() { finished_ = true; }

  /// The next byte that is no white space; '\0' if there is none yet.
  char peek();
  /// Passes over the byte that peek() showed.
  void skip() { ++at_; }
  /// Sets `text` to the next value, or to whatever stands in its place. False if its end is not
  /// here yet. The view lives until the next call. Requires: peek() is not '\0'.
  bool take(std::string_view& text);

  bool finished() const { return finished_; }

 private:
  std::string buffer_;
  std::size_t at_ = 0;       // of the next value
  std::size_t scanned_ = 0;  // of the value at at_, bytes looked at so far
  int depth_ = 0;
  bool in_string_ = false;
  bool escaped_ = false;
  bool finished_ = false;
};

/// `text`, one valid JSON value, without the white space between its parts.
std::string compact_json(std::string_view text);

}  // namespace tollgate
