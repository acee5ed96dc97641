#include "bloblang/functions/msgpack.h"

#include <bit>

#include "value/empty_literal.h"
#include "value/encoding.h"
#include "value/number.h"
#include "value/timestamp.h"

namespace tollgate::bloblang {
namespace {

/// Nesting of values that are read.
constexpr int kMaxDepth = 10'000;

// Writing -----------------------------------------------------------------------------------------

void put(std::string& out, std::uint64_t number, int bytes) {
  for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8) out += static_cast<char>(number >> shift);
}

void put_code(std::string& out, unsigned code) { out += static_cast<char>(code); }

void put_short_unsigned(std::string& out, std::uint64_t number) {
  const int size = number < 0x80 ? 0 : number <= 0xFF ? 1 : number <= 0xFFFF ? 2
                   : number <= 0xFFFFFFFF ? 4 : 8;
  if (size == 0) return put_code(out, static_cast<unsigned>(number));
  put_code(out, size == 1 ? 0xCC : size == 2 ? 0xCD : size == 4 ? 0xCE : 0xCF);
  put(out, number, size);
}

void put_short_integer(std::string& out, std::int64_t number) {
  if (number >= 0) return put_short_unsigned(out, static_cast<std::uint64_t>(number));
  const auto bits = static_cast<std::uint64_t>(number);
  if (number >= -32) return put_code(out, static_cast<unsigned char>(bits));
  const int size = number >= INT8_MIN ? 1 : number >= INT16_MIN ? 2 : number >= INT32_MIN ? 4 : 8;
  put_code(out, size == 1 ? 0xD0 : size == 2 ? 0xD1 : size == 4 ? 0xD2 : 0xD3);
  put(out, bits, size);
}

void put_float(std::string& out, double number) {
  put_code(out, 0xCB);
  put(out, std::bit_cast<std::uint64_t>(number), 8);
}

/// The codes for a size: up to `fix_limit` in the code itself, then of 1 (0: none), 2 and 4 bytes.
struct SizeCodes {
  unsigned fix, fix_limit, byte, word, wide;
};

void put_size(std::string& out, std::size_t size, SizeCodes codes) {
  if (size < codes.fix_limit) return put_code(out, codes.fix | static_cast<unsigned>(size));
  const int width = size <= 0xFF && codes.byte ? 1 : size <= 0xFFFF ? 2 : 4;
  put_code(out, width == 1 ? codes.byte : width == 2 ? codes.word : codes.wide);
  put(out, size, width);
}

void put_text(std::string& out, std::string_view text) {
  put_size(out, text.size(), {0xA0, 32, 0xD9, 0xDA, 0xDB});
  out += text;
}

void put_time(std::string& out, const Timestamp& time) {
  const auto seconds = static_cast<std::uint64_t>(time.seconds);
  const auto nanoseconds = static_cast<std::uint64_t>(time.nanoseconds);
  if (seconds >> 34 != 0) {
    put_code(out, 0xC7);
    put(out, 12, 1);
    put_code(out, 0xFF);
    put(out, nanoseconds, 4);
    put(out, seconds, 8);
  } else if (nanoseconds == 0 && seconds >> 32 == 0) {
    put_code(out, 0xD6);
    put_code(out, 0xFF);
    put(out, seconds, 4);
  } else {
    put_code(out, 0xD7);
    put_code(out, 0xFF);
    put(out, nanoseconds << 34 | seconds, 8);
  }
}

void put_document_number(std::string& out, Value number) {
  if (const auto integer = parse_int(number.as_text())) return put_short_integer(out, *integer);
  if (const auto large = parse_uint(number.as_text())) {
    put_code(out, 0xCF);
    return put(out, *large, 8);
  }
  const auto real = parse_float(number.as_text());
  if (real) return put_float(out, *real);
  put_text(out, number.as_text());
}

// Reading -----------------------------------------------------------------------------------------

class Reader {
 public:
  Reader(std::string_view bytes, Arena& arena) : rest_(bytes), arena_(arena) {}
  Value read(int depth);

 private:
  Value fail(std::initializer_list<std::string_view> parts) {
    return Value::error(concat(arena_, parts));
  }
  Value ended(bool in_the_middle) { return fail({in_the_middle ? "unexpected EOF" : "EOF"}); }
  std::string hex(unsigned code) {
    std::string text;
    const char byte = static_cast<char>(code);
    append_hex(text, {&byte, 1});
    return code < 16 ? text.substr(1) : text;
  }

  /// False at the end of the input.
  bool number(int bytes, std::uint64_t& out) {
    if (rest_.size() < static_cast<std::size_t>(bytes)) return false;
    out = 0;
    for (int i = 0; i < bytes; ++i) out = out << 8 | static_cast<unsigned char>(rest_[static_cast<std::size_t>(i)]);
    rest_.remove_prefix(static_cast<std::size_t>(bytes));
    return true;
  }
  bool text(std::uint64_t size, std::string_view& out) {
    if (size > rest_.size()) return false;
    out = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return true;
  }
  Value integer(int bytes, bool is_signed);
  Value text_of(std::uint64_t size, bool is_bytes);
  Value array(std::uint64_t size, int depth);
  Value object(std::uint64_t size, int depth);
  Value extension(std::uint64_t size);

  std::string_view rest_;
  Arena& arena_;
};

Value Reader::integer(int bytes, bool is_signed) {
  std::uint64_t bits = 0;
  const bool empty = rest_.empty();
  if (!number(bytes, bits)) return ended(!empty);
  if (!is_signed) {
    return bits <= INT64_MAX ? Value::int64(static_cast<std::int64_t>(bits)) : Value::uint64(bits);
  }
  const int unused = 64 - bytes * 8;
  return Value::int64(static_cast<std::int64_t>(bits << unused) >> unused);
}

Value Reader::text_of(std::uint64_t size, bool is_bytes) {
  std::string_view found;
  const bool empty = rest_.empty();
  if (!text(size, found)) return ended(!empty);
  return is_bytes ? Value::bytes(found) : Value::string(found);
}

Value Reader::array(std::uint64_t size, int depth) {
  Array* const items = make_array(arena_, std::min<std::uint64_t>(size, rest_.size()));
  for (std::uint64_t i = 0; i < size; ++i) {
    const Value item = read(depth + 1);
    if (item.is_error()) return item;
    items->push(item, arena_);
  }
  return Value::array(items);
}

Value Reader::object(std::uint64_t size, int depth) {
  if (size > rest_.size()) size = rest_.size() + 1;  // each member needs a byte; fails below
  auto* const members = arena_.allocate_array<Member>(size);
  for (std::uint64_t i = 0; i < size; ++i) {
    if (rest_.empty()) return ended(false);
    const auto code = static_cast<unsigned char>(rest_[0]);
    const bool is_text = (code & 0xE0) == 0xA0 || (code >= 0xD9 && code <= 0xDB) ||
                         (code >= 0xC4 && code <= 0xC6) || code == 0xC0;
    if (!is_text) {
      return fail({"msgpack: invalid code=", hex(code), " decoding string/bytes length"});
    }
    const Value key = read(depth + 1);
    if (key.is_error()) return key;
    const Value value = read(depth + 1);
    if (value.is_error()) return value;
    members[i] = {key.is_null() ? std::string_view{} : key.as_text(), value};
  }
  return Value::object(make_object_of(arena_, members, size));
}

/// Only timestamps are known.
Value Reader::extension(std::uint64_t size) {
  std::uint64_t type = 0, first = 0, second = 0;
  if (!number(1, type)) return ended(false);
  if (type != 0xFF) {
    const auto id = static_cast<std::int8_t>(type);
    return fail({"msgpack: unknown ext id=", std::to_string(id)});
  }
  Timestamp time;
  if (size == 4) {
    if (!number(4, first)) return ended(true);
    time.seconds = static_cast<std::int64_t>(first);
  } else if (size == 8) {
    if (!number(8, first)) return ended(true);
    time.seconds = static_cast<std::int64_t>(first & 0x3FFFFFFFF);
    time.nanoseconds = static_cast<std::int32_t>(first >> 34);
  } else if (size == 12) {
    if (!number(4, first) || !number(8, second)) return ended(true);
    time.nanoseconds = static_cast<std::int32_t>(first);
    time.seconds = static_cast<std::int64_t>(second);
  } else {
    return fail({"msgpack: invalid ext len=", std::to_string(size), " decoding time"});
  }
  if (time.nanoseconds < 0 || time.nanoseconds > 999'999'999) {
    return fail({"msgpack: invalid nanoseconds in a time"});
  }
  time.zone = Zone::local();
  return Value::timestamp(arena_.make<Timestamp>(time));
}

Value Reader::read(int depth) {
  if (depth > kMaxDepth) return fail({"msgpack: nested too deeply"});
  std::uint64_t head = 0, size = 0;
  if (!number(1, head)) return ended(false);
  const auto code = static_cast<unsigned>(head);
  if (code < 0x80) return Value::int64(static_cast<std::int64_t>(code));
  if (code >= 0xE0) return Value::int64(static_cast<std::int8_t>(code));
  if (code < 0x90) return object(code & 15, depth);
  if (code < 0xA0) return array(code & 15, depth);
  if (code < 0xC0) return text_of(code & 31, false);
  const auto sized = [&](int width) {
    const bool empty = rest_.empty();
    return number(width, size) ? Value::nothing() : ended(!empty);
  };
  switch (code) {
    case 0xC0: return Value::null();
    case 0xC2: return Value::boolean(false);
    case 0xC3: return Value::boolean(true);
    case 0xC4: case 0xC5: case 0xC6: {
      const Value problem = sized(1 << (code - 0xC4));
      return problem.is_error() ? problem : text_of(size, true);
    }
    case 0xC7: case 0xC8: case 0xC9: {
      const Value problem = sized(1 << (code - 0xC7));
      return problem.is_error() ? problem : extension(size);
    }
    case 0xCA: {
      const Value problem = sized(4);
      if (problem.is_error()) return problem;
      return Value::float64(static_cast<double>(
          std::bit_cast<float>(static_cast<std::uint32_t>(size))));
    }
    case 0xCB: {
      const Value problem = sized(8);
      return problem.is_error() ? problem : Value::float64(std::bit_cast<double>(size));
    }
    case 0xCC: case 0xCD: case 0xCE: case 0xCF: return integer(1 << (code - 0xCC), false);
    case 0xD0: case 0xD1: case 0xD2: case 0xD3: return integer(1 << (code - 0xD0), true);
    case 0xD4: case 0xD5: case 0xD6: case 0xD7: case 0xD8:
      return extension(std::uint64_t{1} << (code - 0xD4));
    case 0xD9: case 0xDA: case 0xDB: {
      const Value problem = sized(1 << (code - 0xD9));
      return problem.is_error() ? problem : text_of(size, false);
    }
    case 0xDC: case 0xDD: {
      const Value problem = sized(2 << (code - 0xDC));
      return problem.is_error() ? problem : array(size, depth);
    }
    case 0xDE: case 0xDF: {
      const Value problem = sized(2 << (code - 0xDE));
      return problem.is_error() ? problem : object(size, depth);
    }
    default: return fail({"msgpack: unknown code ", hex(code), " decoding interface{}"});
  }
}

}  // namespace

void append_msgpack(std::string& out, Value value, Arena& arena) {
  value = value.shown();
  switch (value.kind()) {
    case Kind::boolean: return put_code(out, value.as_boolean() ? 0xC3 : 0xC2);
    case Kind::int64:
      put_code(out, 0xD3);
      return put(out, static_cast<std::uint64_t>(value.as_int64()), 8);
    case Kind::uint64:
      put_code(out, 0xCF);
      return put(out, value.as_uint64(), 8);
    case Kind::float64: return put_float(out, value.as_float64());
    case Kind::number_text: return put_document_number(out, value);
    case Kind::string: return put_text(out, value.as_text());
    case Kind::bytes:
      put_size(out, value.as_text().size(), {0, 0, 0xC4, 0xC5, 0xC6});
      out += value.as_text();
      return;
    case Kind::timestamp: return put_time(out, value.as_timestamp());
    case Kind::array:
      if (is_empty_literal(value.as_array())) {
        out += '\xC0';
        return;
      }
      put_size(out, value.as_array().size, {0x90, 16, 0, 0xDC, 0xDD});
      for (const Value& item : value.as_array()) append_msgpack(out, item, arena);
      return;
    case Kind::object: {
      const auto members = value.as_object().members(arena);
      put_size(out, members.size(), {0x80, 16, 0, 0xDE, 0xDF});
      for (const auto& [key, member] : members) {
        put_text(out, key);
        append_msgpack(out, member, arena);
      }
      return;
    }
    default: return put_code(out, 0xC0);
  }
}

Value parse_msgpack(std::string_view bytes, Arena& arena) { return Reader(bytes, arena).read(0); }

}  // namespace tollgate::bloblang
