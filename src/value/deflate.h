#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace tollgate {

/// A raw deflate stream (RFC 1951) of `bytes`, the very bytes that the incumbent writes at this
/// level (-2 to 9); nothing where we do not know them: above 65,535 bytes (32,768 at level -2), and
/// above 127 at levels 1 to 4 and 6. `flushed`: with the mark of a flush before the end.
std::optional<std::string> deflate_as_incumbent(std::string_view bytes, int level,
                                                bool flushed = false);

}  // namespace tollgate
