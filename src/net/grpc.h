#pragma once

#include <chrono>
#include <cstddef>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace tollgate {

/// The status codes of gRPC, with their numbers on the wire.
enum class GrpcStatus : unsigned char {
  ok = 0,
  cancelled = 1,
  unknown = 2,
  invalid_argument = 3,
  deadline_exceeded = 4,
  not_found = 5,
  already_exists = 6,
  permission_denied = 7,
  resource_exhausted = 8,
  failed_precondition = 9,
  aborted = 10,
  out_of_range = 11,
  unimplemented = 12,
  internal = 13,
  unavailable = 14,
  data_loss = 15,
  unauthenticated = 16,
};

/// "RESOURCE_EXHAUSTED"
std::string_view grpc_status_name(GrpcStatus status);

/// A failed call as it goes over the wire.
struct GrpcFailure {
  GrpcStatus status = GrpcStatus::unknown;
  std::string message;
  /// Asks the client to wait this long and then to retry (google.rpc.RetryInfo).
  std::optional<std::chrono::milliseconds> retry_delay;
};

enum class GrpcEncoding : unsigned char { identity, gzip, deflate };

/// Inflates a message into at most `cap` bytes, growing with what really comes out. More than
/// `cap` is RESOURCE_EXHAUSTED, damaged input INTERNAL. Identity returns a copy, if it fits.
std::expected<std::string, GrpcFailure> inflate_message(std::string_view bytes,
                                                        GrpcEncoding encoding, std::size_t cap);

/// The reverse, at zlib's level 1.
std::string deflate_message(std::string_view bytes, GrpcEncoding encoding);

/// The percent-encoding of the grpc-message header.
std::string encode_grpc_message(std::string_view text);
std::string decode_grpc_message(std::string_view text);

/// google.rpc.Status as protobuf: code, message and, when set, a RetryInfo detail.
std::string encode_status_details(const GrpcFailure& failure);
/// The RetryInfo delay of a google.rpc.Status in protobuf; nullopt when there is none.
std::optional<std::chrono::milliseconds> decode_retry_delay(std::string_view status_details);

/// "grpc-timeout": up to 8 digits and a unit. Nullopt when malformed.
std::optional<std::chrono::nanoseconds> parse_grpc_timeout(std::string_view text);
std::string format_grpc_timeout(std::chrono::nanoseconds timeout);

/// Base64 without padding on output; input may be padded. Nullopt when malformed.
std::string encode_base64(std::string_view bytes, bool padding);
std::optional<std::string> decode_base64(std::string_view text);

}  // namespace tollgate
