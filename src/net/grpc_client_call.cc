// One call's request bytes, and what its response amounts to.

#include <algorithm>
#include <charconv>
#include <cstring>

#include "net/grpc_channel.h"

namespace tollgate {

bool grpc_retryable(const GrpcFailure& failure) {
  switch (failure.status) {
    case GrpcStatus::cancelled:
    case GrpcStatus::deadline_exceeded:
    case GrpcStatus::aborted:
    case GrpcStatus::out_of_range:
    case GrpcStatus::unavailable:
    case GrpcStatus::data_loss: return true;
    case GrpcStatus::resource_exhausted: return failure.retry_delay.has_value();
    default: return false;
  }
}

namespace grpc_client_detail {
namespace {

/// The status gRPC assigns to an HTTP status that came without one of its own.
GrpcStatus status_of_http(int status) {
  switch (status) {
    case 400: return GrpcStatus::internal;
    case 401: return GrpcStatus::unauthenticated;
    case 403: return GrpcStatus::permission_denied;
    case 404: return GrpcStatus::unimplemented;
    case 429:
    case 502:
    case 503:
    case 504: return GrpcStatus::unavailable;
    default: return GrpcStatus::unknown;
  }
}

GrpcStatus parse_status(std::string_view text) {
  unsigned number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  bool known = error == std::errc() && end == text.data() + text.size() && number <= 16;
  return known ? GrpcStatus(number) : GrpcStatus::unknown;
}

std::size_t big_endian(std::string_view bytes) {
  std::size_t number = 0;
  for (char c : bytes) number = number << 8 | static_cast<unsigned char>(c);
  return number;
}

}  // namespace

ClientCall::ClientCall(GrpcRequest wanted, GrpcClient::Done callback)
    : request(std::move(wanted)), timer(*this), done_(std::move(callback)) {
  if (request.timeout.count() > 0) deadline = Clock::now() + request.timeout;
  const bool compressed = request.encoding != GrpcEncoding::identity;
  if (compressed) request.message = deflate_message(request.message, request.encoding);
  auto size = static_cast<std::uint32_t>(request.message.size());
  prefix_ = {static_cast<char>(compressed), static_cast<char>(size >> 24),
             static_cast<char>(size >> 16), static_cast<char>(size >> 8), static_cast<char>(size)};
}

ClientCall::~ClientCall() {
  if (done_) fail(GrpcStatus::cancelled, "the client is closed");
}

void ClientCall::finish(Outcome outcome) {
  timer.cancel();
  if (auto done = std::exchange(done_, nullptr)) done(std::move(outcome));
}

void ClientCall::fail(GrpcFailure failure) {
  std::string text = "call of " + request.target + request.method + ": " +
                     std::string(grpc_status_name(failure.status));
  if (!failure.message.empty()) text += ": " + failure.message;
  auto fault = grpc_retryable(failure) ? Fault::transient : Fault::invalid;
  // Without a status of the server's it was us who gave up.
  if (failure.status == GrpcStatus::cancelled && !has_status_) fault = Fault::cancelled;
  finish(std::unexpected(GrpcCallError{Error(fault, std::move(text)), std::move(failure)}));
}

void ClientCall::restart() {
  sent_ = 0;
  http_status_ = 0;
  has_status_ = false;
  failure_ = {};
  body_.clear();
}

std::size_t ClientCall::read_request(std::uint8_t* out, std::size_t size) {
  std::size_t copied = 0;
  auto copy = [&](std::string_view part, std::size_t begin) {
    if (sent_ < begin || sent_ >= begin + part.size()) return;
    auto rest = part.substr(sent_ - begin, size - copied);
    std::memcpy(out + copied, rest.data(), rest.size());
    copied += rest.size();
    sent_ += rest.size();
  };
  copy({prefix_.data(), prefix_.size()}, 0);
  copy(request.message, prefix_.size());
  return copied;
}

void ClientCall::on_header(std::string_view name, std::string_view value) {
  if (name == ":status") {
    http_status_ = 0;
    std::from_chars(value.data(), value.data() + value.size(), http_status_);
  } else if (name == "grpc-status") {
    failure_.status = parse_status(value);
    has_status_ = true;
  } else if (name == "grpc-message") {
    failure_.message = decode_grpc_message(value);
  } else if (name == "grpc-status-details-bin") {
    if (auto bytes = decode_base64(value)) failure_.retry_delay = decode_retry_delay(*bytes);
  } else if (name == "grpc-encoding") {
    encoding_ = value == "deflate" ? GrpcEncoding::deflate : GrpcEncoding::gzip;
  }
}

bool ClientCall::on_data(std::string_view bytes) {
  if (http_status_ != 200) return true;  // some proxy's page
  if (body_.size() + bytes.size() > request.max_response_bytes + prefix_.size()) return false;
  body_.append(bytes);
  return true;
}

void ClientCall::complete() {
  auto response = has_status_ && failure_.status == GrpcStatus::ok
                      ? read_message()
                      : std::unexpected(read_failure());
  if (!response) return fail(std::move(response).error());
  finish(GrpcResponse{std::move(*response)});
}

GrpcFailure ClientCall::read_failure() {
  if (has_status_) return std::move(failure_);
  if (http_status_ == 200) return {GrpcStatus::internal, "the response has no grpc-status", {}};
  return {status_of_http(http_status_),
          "the server answered HTTP " + std::to_string(http_status_) + " and no gRPC status",
          {}};
}

std::expected<std::string, GrpcFailure> ClientCall::read_message() {
  auto bytes = std::string_view(body_);
  if (bytes.size() < 5 || big_endian(bytes.substr(1, 4)) != bytes.size() - 5) {
    return std::unexpected(GrpcFailure{GrpcStatus::internal, "malformed response message", {}});
  }
  if (bytes[0] == 0) return body_.substr(5);
  return inflate_message(bytes.substr(5), encoding_, request.max_response_bytes);
}

}  // namespace grpc_client_detail
}  // namespace tollgate
