#pragma once

#include <string>
#include <string_view>

#include "value/compression.h"

namespace tollgate {

/// What the incumbent says of compressed bytes whose header is none of their format; empty if it is
/// good, or if the algorithm has none.
std::string header_fault(Compression algorithm, std::string_view bytes);

}  // namespace tollgate
