#pragma once

#include "value/value.h"

namespace tollgate {

/// What `[]` in a mapping is until it is stored: an empty array that is written as `null` where the
/// mapping itself makes text or bytes of it, and as `[]` in documents and metadata, as in the
/// incumbent. Told by its address; it belongs to no execution, so nobody changes it.
extern constinit Array empty_literal;

/// Bytes that a method left nothing of, not even an empty text: `null` in documents. Told by the
/// address as well.
inline constexpr char kNoBytes[1] = {};
inline Value no_bytes() { return Value::bytes({kNoBytes, 0}); }
inline bool is_no_bytes(Value bytes) { return bytes.as_text().data() == kNoBytes; }

inline bool is_empty_literal(const Array& array) { return &array == &empty_literal; }

}  // namespace tollgate
