#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace tollgate::bloblang {

// Ascii85 as Go's encoding/ascii85, and Z85 (ZeroMQ RFC 32).

std::string encode_ascii85(std::string_view bytes);
/// Error: "illegal ascii85 data at input byte 3".
Result<std::string> decode_ascii85(std::string_view text);

/// Errors: "z85: wrongly aligned input data", "z85: invalid input byte: U+000A".
Result<std::string> encode_z85(std::string_view bytes);
Result<std::string> decode_z85(std::string_view text);

}  // namespace tollgate::bloblang
