#include "net/grpc.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <limits>

namespace tollgate {
namespace {

constexpr std::string_view retry_info_type = "type.googleapis.com/google.rpc.RetryInfo";

void put_varint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  out += static_cast<char>(value);
}

void put_bytes(std::string& out, int field, std::string_view bytes) {
  put_varint(out, static_cast<std::uint64_t>(field) << 3 | 2);
  put_varint(out, bytes.size());
  out += bytes;
}

void put_number(std::string& out, int field, std::uint64_t value) {
  if (value == 0) return;
  put_varint(out, static_cast<std::uint64_t>(field) << 3);
  put_varint(out, value);
}

/// A protobuf field: `bytes` for length-delimited ones, `number` for the others.
struct Field {
  std::uint64_t id = 0;
  std::uint64_t number = 0;
  std::string_view bytes;
};

bool take_varint(std::string_view& in, std::uint64_t& value) {
  value = 0;
  for (int shift = 0; shift < 64 && !in.empty(); shift += 7) {
    auto byte = static_cast<unsigned char>(in.front());
    in.remove_prefix(1);
    value |= std::uint64_t{byte & 0x7fu} << shift;
    if (byte < 0x80) return true;
  }
  return false;
}

/// The next field of a message; nullopt at its end and where it is malformed.
std::optional<Field> take_field(std::string_view& in) {
  std::uint64_t key = 0;
  Field field;
  if (!take_varint(in, key)) return std::nullopt;
  field.id = key >> 3;
  std::size_t width = 0;
  switch (key & 7) {
    case 0: return take_varint(in, field.number) ? std::optional(field) : std::nullopt;
    case 1: width = 8; break;
    case 2:
      if (!take_varint(in, field.number)) return std::nullopt;
      width = field.number > in.size() ? in.size() + 1 : static_cast<std::size_t>(field.number);
      break;
    case 5: width = 4; break;
    default: return std::nullopt;
  }
  if (width > in.size()) return std::nullopt;
  field.bytes = in.substr(0, width);
  in.remove_prefix(width);
  return field;
}

/// A google.protobuf.Duration, clamped to what fits.
std::chrono::milliseconds decode_duration(std::string_view bytes) {
  std::int64_t seconds = 0, nanos = 0;
  while (auto field = take_field(bytes)) {
    if (field->id == 1) seconds = static_cast<std::int64_t>(field->number);
    if (field->id == 2) nanos = static_cast<std::int64_t>(field->number);
  }
  seconds = std::clamp<std::int64_t>(seconds, 0, 1'000'000'000);
  nanos = std::clamp<std::int64_t>(nanos, 0, 999'999'999);
  return std::chrono::milliseconds(seconds * 1000 + nanos / 1'000'000);
}

std::unexpected<GrpcFailure> too_large(std::size_t cap) {
  return std::unexpected(GrpcFailure{
      GrpcStatus::resource_exhausted,
      "received message after decompression larger than max " + std::to_string(cap), {}});
}

std::unexpected<GrpcFailure> damaged(std::string_view why) {
  return std::unexpected(GrpcFailure{GrpcStatus::internal,
                                     "failed to decompress the received message: " + std::string(why), {}});
}

// A message this large that shrank this much is no telemetry: deflate's own limit is 1032.
constexpr std::size_t free_output = std::size_t{32} << 20;
constexpr std::size_t max_ratio = 400;

std::unexpected<GrpcFailure> too_dense(std::size_t compressed) {
  return std::unexpected(GrpcFailure{GrpcStatus::resource_exhausted,
                                     "received message of " + std::to_string(compressed) +
                                         " compressed bytes expands more than " +
                                         std::to_string(max_ratio) + " times",
                                     {}});
}

/// A zlib stream that is closed with its scope.
struct Inflater {
  z_stream stream{};
  ~Inflater() { inflateEnd(&stream); }
};

}  // namespace

std::string_view grpc_status_name(GrpcStatus status) {
  static constexpr std::array<std::string_view, 17> names = {
      "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND",
      "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED",
      "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED"};
  auto index = static_cast<std::size_t>(status);
  return index < names.size() ? names[index] : "UNKNOWN";
}

std::expected<std::string, GrpcFailure> inflate_message(std::string_view bytes,
                                                        GrpcEncoding encoding, std::size_t cap) {
  if (encoding == GrpcEncoding::identity) {
    if (bytes.size() > cap) return too_large(cap);
    return std::string(bytes);
  }
  if (bytes.size() > std::numeric_limits<uInt>::max()) return too_large(cap);
  Inflater inflater;
  auto& stream = inflater.stream;
  int window = encoding == GrpcEncoding::gzip ? 15 + 16 : 15;
  if (inflateInit2(&stream, window) != Z_OK) return damaged("out of memory");
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());

  std::string out;
  // One byte above the cap tells "exactly the cap" from "more than the cap".
  const std::size_t limit = cap == std::numeric_limits<std::size_t>::max() ? cap : cap + 1;
  std::size_t room = std::min(limit, std::max<std::size_t>(bytes.size() * 4, 512));
  std::size_t produced = 0;
  for (;;) {
    int code = Z_OK;
    out.resize_and_overwrite(room, [&](char* data, std::size_t size) {
      stream.next_out = reinterpret_cast<Bytef*>(data + produced);
      auto space = std::min<std::size_t>(size - produced, std::numeric_limits<uInt>::max());
      stream.avail_out = static_cast<uInt>(space);
      code = inflate(&stream, Z_NO_FLUSH);
      produced += space - stream.avail_out;
      return produced;
    });
    if (produced > cap) return too_large(cap);
    if (produced > free_output && produced / max_ratio > bytes.size()) return too_dense(bytes.size());
    if (code == Z_STREAM_END) {
      if (stream.avail_in == 0) return out;
      // Members may follow each other; anything else behind the end is damage.
      if (encoding != GrpcEncoding::gzip || inflateReset(&stream) != Z_OK) {
        return damaged("data after the end");
      }
    } else if (code != Z_OK && code != Z_BUF_ERROR) {
      return damaged(stream.msg != nullptr ? stream.msg : "invalid data");
    } else if (stream.avail_in == 0 && stream.avail_out > 0) {
      return damaged("unexpected end of data");
    }
    if (produced == room) room = std::min(limit, room * 2);
  }
}

std::string deflate_message(std::string_view bytes, GrpcEncoding encoding) {
  if (encoding == GrpcEncoding::identity) return std::string(bytes);
  z_stream stream{};
  int window = encoding == GrpcEncoding::gzip ? 15 + 16 : 15;
  if (deflateInit2(&stream, 1, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY) != Z_OK) return {};
  std::string out;
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  auto bound = deflateBound(&stream, static_cast<uLong>(bytes.size()));
  out.resize_and_overwrite(bound, [&](char* data, std::size_t size) {
    stream.next_out = reinterpret_cast<Bytef*>(data);
    stream.avail_out = static_cast<uInt>(size);
    deflate(&stream, Z_FINISH);
    return size - stream.avail_out;
  });
  deflateEnd(&stream);
  return out;
}

std::string encode_grpc_message(std::string_view text) {
  static constexpr char digits[] = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size());
  for (char c : text) {
    if (c >= 0x20 && c <= 0x7e && c != '%') {
      out += c;
    } else {
      auto byte = static_cast<unsigned char>(c);
      out += {'%', digits[byte >> 4], digits[byte & 15]};
    }
  }
  return out;
}

std::string decode_grpc_message(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned value = 0;
    if (text[i] == '%' && i + 2 < text.size()) {
      auto [end, code] = std::from_chars(&text[i + 1], &text[i + 1] + 2, value, 16);
      if (code == std::errc() && end == &text[i + 1] + 2) {
        out += static_cast<char>(value);
        i += 2;
        continue;
      }
    }
    out += text[i];
  }
  return out;
}

std::string encode_status_details(const GrpcFailure& failure) {
  std::string status;
  put_number(status, 1, static_cast<std::uint64_t>(failure.status));
  if (!failure.message.empty()) put_bytes(status, 2, failure.message);
  if (failure.retry_delay) {
    auto millis = static_cast<std::uint64_t>(std::max<std::int64_t>(failure.retry_delay->count(), 0));
    std::string duration, info, any;
    put_number(duration, 1, millis / 1000);
    put_number(duration, 2, millis % 1000 * 1'000'000);
    put_bytes(info, 1, duration);
    put_bytes(any, 1, retry_info_type);
    put_bytes(any, 2, info);
    put_bytes(status, 3, any);
  }
  return status;
}

std::optional<std::chrono::milliseconds> decode_retry_delay(std::string_view status_details) {
  while (auto detail = take_field(status_details)) {
    if (detail->id != 3) continue;
    std::string_view any = detail->bytes, type, value;
    while (auto field = take_field(any)) {
      if (field->id == 1) type = field->bytes;
      if (field->id == 2) value = field->bytes;
    }
    if (type != retry_info_type) continue;
    while (auto field = take_field(value)) {
      if (field->id == 1) return decode_duration(field->bytes);
    }
    return std::chrono::milliseconds(0);
  }
  return std::nullopt;
}

std::optional<std::chrono::nanoseconds> parse_grpc_timeout(std::string_view text) {
  if (text.size() < 2 || text.size() > 9) return std::nullopt;
  std::int64_t count = 0;
  const char* last = text.data() + text.size() - 1;
  auto [end, code] = std::from_chars(text.data(), last, count);
  if (code != std::errc() || end != last || count < 0) return std::nullopt;
  std::int64_t unit = 0;
  switch (*last) {
    case 'n': unit = 1; break;
    case 'u': unit = 1'000; break;
    case 'm': unit = 1'000'000; break;
    case 'S': unit = 1'000'000'000; break;
    case 'M': unit = 60'000'000'000; break;
    case 'H': unit = 3'600'000'000'000; break;
    default: return std::nullopt;
  }
  // A year is as good as for ever, and it cannot overflow.
  constexpr std::int64_t year = 366LL * 24 * 3'600'000'000'000;
  return std::chrono::nanoseconds(count > year / unit ? year : count * unit);
}

std::string format_grpc_timeout(std::chrono::nanoseconds timeout) {
  std::int64_t count = std::max<std::int64_t>(timeout.count(), 1);
  static constexpr std::array<std::pair<std::int64_t, char>, 5> steps = {
      {{1000, 'n'}, {1000, 'u'}, {1000, 'm'}, {60, 'S'}, {60, 'M'}}};
  char unit = 'H';
  for (auto [factor, name] : steps) {
    if (count < 100'000'000) {
      unit = name;
      break;
    }
    count = (count + factor - 1) / factor;
  }
  return std::to_string(count) + unit;
}

std::string encode_base64(std::string_view bytes, bool padding) {
  static constexpr char digits[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  std::uint32_t bits = 0;
  int held = 0;
  for (char c : bytes) {
    bits = (bits << 8 | static_cast<unsigned char>(c)) & 0xffffff;
    for (held += 8; held >= 6; held -= 6) out += digits[bits >> (held - 6) & 63];
  }
  if (held > 0) out += digits[bits << (6 - held) & 63];
  while (padding && out.size() % 4 != 0) out += '=';
  return out;
}

std::optional<std::string> decode_base64(std::string_view text) {
  while (text.ends_with('=')) text.remove_suffix(1);
  std::string out;
  std::uint32_t bits = 0;
  int held = 0;
  for (char c : text) {
    std::uint32_t value = 0;
    if (c >= 'A' && c <= 'Z') {
      value = static_cast<std::uint32_t>(c - 'A');
    } else if (c >= 'a' && c <= 'z') {
      value = static_cast<std::uint32_t>(c - 'a') + 26;
    } else if (c >= '0' && c <= '9') {
      value = static_cast<std::uint32_t>(c - '0') + 52;
    } else if (c == '+' || c == '-') {
      value = 62;
    } else if (c == '/' || c == '_') {
      value = 63;
    } else {
      return std::nullopt;
    }
    bits = (bits << 6 | value) & 0xffffff;
    held += 6;
    if (held >= 8) {
      held -= 8;
      out += static_cast<char>(bits >> held & 0xff);
    }
  }
  return text.size() % 4 == 1 ? std::nullopt : std::optional(std::move(out));
}

}  // namespace tollgate
