#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "config/schema.h"
#include "message/message.h"

namespace tollgate {

/// How messages become a stream of bytes: the `codec` field of `file`, `stdout` and the like.
struct OutputCodec {
  std::string delimiter;      ///< behind each message that does not end with it
  bool own_file = false;      ///< all-bytes: each message is the whole content

  /// lines, append, all-bytes, delim:x.
  static Result<OutputCodec> parse(std::string_view text);
  void append(std::string& out, std::string_view message) const;
};

/// Complains if `text` is no codec.
void check_output_codec(std::string_view text, const Node& body, ReadContext& context);

/// Writes all of `bytes` to a file descriptor, waiting for it if it is non-blocking.
/// On an error `written` says how much got through.
Result<> write_all(int descriptor, std::string_view bytes, std::size_t& written);

}  // namespace tollgate
