#pragma once

#include <string>

#include "message/message.h"

namespace tollgate {

/// Why `message` has no document, as processors of the incumbent say it; `error` is what document()
/// gave.
inline std::string parse_failure(Message& message, Value error) {
  if (message.bytes().empty()) return "target message part does not exist";
  return std::string(error.as_text());
}

}  // namespace tollgate
