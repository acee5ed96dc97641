#pragma once

#include <string>
#include <string_view>

#include "base/arena.h"
#include "value/value.h"

namespace tollgate::bloblang {

/// Appends `value` in MessagePack. Numbers of documents take the shortest form, others 64 bits.
void append_msgpack(std::string& out, Value value, Arena& arena);

/// The first MessagePack value of `bytes`, whose texts it views; or an error.
Value parse_msgpack(std::string_view bytes, Arena& arena);

}  // namespace tollgate::bloblang
