#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "message/message.h"

namespace tollgate {

/// How messages get their identity from their records.
struct IdentityOptions {
  bool derived = true;  ///< false: every message gets a random identity
  std::string salt;     ///< what tells this meter apart: the destination's scheme, host and path
  std::string key;      ///< `identity_key`: makes identities unpredictable to outsiders
};

/// What an export's records came to, beside the messages themselves.
struct DecodedLogs {
  Batch batch;
  /// Records whose identity could not be derived: no timestamp finer than a millisecond.
  std::uint32_t without_identity = 0;
};

/// Decodes an ExportLogsServiceRequest (OTLP logs, protobuf) into one message a record.
///
/// Each message's document is the object {resource, scope, record}; empty and zero fields are left
/// out, attributes are plain maps, 64-bit integers are numbers, ids and bytes are base64. It is a
/// view of `request`, which the batch keeps alive: a field that no mapping reads is never built.
/// The payload of a message that nothing replaced is the incumbent's JSON, byte for byte: resource,
/// scope and record in this order, fields in the order of its structs, HTML characters escaped.
///
/// Everything is checked here, nested values too, so that a malformed export is refused whole and
/// before anything of it was taken. Errors are invalid and say what is wrong where.
Result<DecodedLogs> decode_logs(std::shared_ptr<const std::string> request,
                                const IdentityOptions& identity);

/// Appends the ResourceLogs that `document` describes to an ExportLogsServiceRequest: the OTLP/JSON
/// form of one, as the `otel_log` output takes it (camelCase or snake_case keys, attribute lists),
/// or the form that decode_logs() gives.
Result<> append_resource_logs(std::string& request, Value document, Arena& arena);

/// An ExportLogsServiceResponse with `partial_success`.
std::string partial_success(std::uint64_t rejected_records, std::string_view message);

struct PartialSuccess {
  std::uint64_t rejected = 0;
  std::string message;
};
/// What an ExportLogsServiceResponse says of records that were not taken; nothing if it is malformed.
PartialSuccess read_partial_success(std::string_view response);

}  // namespace tollgate
