#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace tollgate {

/// One LZ4 block, the very bytes that the incumbent's fast level writes; nothing where it would
/// store the bytes as they are. Requires: fewer than 64 KiB.
std::optional<std::string> lz4_block_as_incumbent(std::string_view bytes);

}  // namespace tollgate
