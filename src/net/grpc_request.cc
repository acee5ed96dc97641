// How Connection takes a request in: headers, message, dispatch to its handler.

#include <algorithm>

#include "net/grpc_connection.h"
#include "net/http.h"

namespace tollgate::grpc_server_detail {
namespace {

/// "application/grpc" and "application/grpc+proto", with parameters or without.
bool is_grpc_type(std::string_view type) {
  type = type.substr(0, std::min(type.find(';'), type.size()));
  while (type.ends_with(' ')) type.remove_suffix(1);
  return same_header(type, "application/grpc") || same_header(type, "application/grpc+proto");
}

/// Names what a caller of an unknown path could have meant.
std::string explain_unknown(std::string_view path, const MethodTable& methods) {
  if (path.size() > 200) path = path.substr(0, 200);
  auto slash = path.rfind('/');
  auto service = path.substr(0, slash == std::string_view::npos ? path.size() : slash + 1);
  bool known = std::any_of(methods.begin(), methods.end(),
                           [&](const auto& entry) { return entry.first.starts_with(service); });
  std::vector<std::string_view> names;
  for (const auto& [name, handler] : methods) {
    if (!known || name.starts_with(service)) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  std::string text = known && service.size() > 1 ? "unknown method " : "unknown service of ";
  text.append(path).append("; this server has ");
  for (std::size_t i = 0; i < names.size(); ++i) text.append(i == 0 ? "" : ", ").append(names[i]);
  return text;
}

/// Headers that belong to HTTP/2 or gRPC and mean nothing to a handler.
bool is_reserved(std::string_view name) {
  return name.starts_with(':') || name == "te" || name == "grpc-accept-encoding" ||
         name == "content-length" || name == "accept-encoding";
}

}  // namespace

void Connection::on_header(Stream& stream, std::string_view name, std::string_view value) {
  stream.header_bytes += name.size() + value.size() + 32;
  if (stream.header_bytes > server_.options.max_header_bytes) return;
  if (name == ":path") {
    auto found = server_.methods.find(value);
    if (found != server_.methods.end()) {
      stream.method = &*found;
    } else {
      stream.unknown_path = value;
    }
  } else if (name == ":method") {
    stream.is_post = value == "POST";
  } else if (name == "content-type") {
    stream.is_grpc = is_grpc_type(value);
    if (!stream.is_grpc) stream.content_type = value;
  } else if (name == "grpc-encoding") {
    if (value == "gzip") {
      stream.encoding = GrpcEncoding::gzip;
    } else if (value == "deflate") {
      stream.encoding = GrpcEncoding::deflate;
    } else if (value != "identity") {
      stream.unknown_encoding = value;
    }
  } else if (name == "grpc-timeout") {
    auto timeout = parse_grpc_timeout(value);
    stream.bad_timeout = !timeout;
    if (timeout) stream.deadline = loop_.now + *timeout;
  } else if (!is_reserved(name)) {
    stream.metadata.add(name, value);
  }
}

void Connection::on_headers_complete(Stream& stream) {
  const auto& options = server_.options;
  auto reject = [&](GrpcStatus status, std::string message, int http_status = 200) {
    server_.refused.fetch_add(1, std::memory_order_relaxed);
    refuse(stream, {status, std::move(message), {}}, http_status);
  };
  stream.phase = Stream::Phase::receiving;
  if (stream.header_bytes > options.max_header_bytes) {
    return reject(GrpcStatus::resource_exhausted,
                  "received headers larger than max (" + std::to_string(stream.header_bytes) + " vs. " +
                      std::to_string(options.max_header_bytes) + ")");
  }
  if (!stream.is_post) {
    return reject(GrpcStatus::internal, "a gRPC call is a POST request", 405);
  }
  if (!stream.is_grpc) {
    return reject(GrpcStatus::invalid_argument,
                  "invalid gRPC request content-type \"" + stream.content_type.substr(0, 100) + "\"", 415);
  }
  if (stream.bad_timeout) return reject(GrpcStatus::internal, "malformed grpc-timeout", 400);
  if (stream.method == nullptr) {
    return reject(GrpcStatus::unimplemented, explain_unknown(stream.unknown_path, server_.methods));
  }
  if (!stream.unknown_encoding.empty()) {
    return reject(GrpcStatus::unimplemented, "grpc-encoding \"" + stream.unknown_encoding.substr(0, 100) +
                                                 "\" is not supported; use gzip, deflate or identity");
  }
  stream.charged_headers = stream.header_bytes;
  server_.buffered.fetch_add(stream.charged_headers, std::memory_order_relaxed);
  if (server_.buffered.load(std::memory_order_relaxed) > options.max_buffered_bytes) {
    server_.refused.fetch_add(1, std::memory_order_relaxed);
    return refuse(stream, {GrpcStatus::resource_exhausted, "too many requests are arriving at once",
                           options.overload_retry_delay});
  }
  auto end = loop_.now + options.slow_sender_timeout;
  if (stream.deadline != Clock::time_point()) end = std::min(end, stream.deadline);
  loop_.timers.schedule(stream.timer, end);
}

void Connection::on_data(Stream& stream, std::string_view bytes) {
  // What still arrives for an answered call is dropped; nghttp2 gives the window back.
  if (stream.phase != Stream::Phase::receiving) return;
  while (stream.prefix_size < stream.prefix.size() && !bytes.empty()) {
    stream.prefix[stream.prefix_size++] = bytes.front();
    bytes.remove_prefix(1);
    if (stream.prefix_size == stream.prefix.size() && !start_message(stream)) return;
  }
  if (bytes.empty()) return;
  auto wanted = std::min(bytes.size(), stream.expected - stream.message.size());
  if (wanted < bytes.size()) {
    server_.refused.fetch_add(1, std::memory_order_relaxed);
    return refuse(stream, {GrpcStatus::internal, "more than one message in a unary call", {}});
  }
  reserve(stream, stream.message.size() + wanted);
  if (server_.buffered.load(std::memory_order_relaxed) > server_.options.max_buffered_bytes) {
    server_.refused.fetch_add(1, std::memory_order_relaxed);
    return refuse(stream, {GrpcStatus::resource_exhausted, "too many requests are arriving at once",
                           server_.options.overload_retry_delay});
  }
  stream.message.append(bytes);
}

/// Reads the 5 bytes in front of the message. False when the call has been refused.
bool Connection::start_message(Stream& stream) {
  auto byte = [&](std::size_t i) {
    return std::size_t{static_cast<unsigned char>(stream.prefix[i])};
  };
  auto limit = server_.options.max_message_bytes;
  stream.expected = byte(1) << 24 | byte(2) << 16 | byte(3) << 8 | byte(4);
  stream.message_compressed = byte(0) == 1;
  GrpcFailure failure{GrpcStatus::internal, {}, {}};
  if (byte(0) > 1) {
    failure.message = "malformed message: compression flag " + std::to_string(byte(0));
  } else if (stream.message_compressed && stream.encoding == GrpcEncoding::identity) {
    failure.message = "compressed message without a grpc-encoding header";
  } else if (stream.expected > limit) {
    failure = {GrpcStatus::resource_exhausted,
               "grpc: received message larger than max (" + std::to_string(stream.expected) + " vs. " +
                   std::to_string(limit) + ")",
               {}};
  } else {
    return true;
  }
  server_.refused.fetch_add(1, std::memory_order_relaxed);
  refuse(stream, std::move(failure));
  return false;
}

/// Grows with what has really come: the prefix alone buys no more than 256 KiB.
void Connection::reserve(Stream& stream, std::size_t size) {
  if (size > stream.message.capacity()) {
    auto room = std::max({size, stream.message.capacity() * 4, std::size_t{256} << 10});
    stream.message.reserve(std::min(room, stream.expected));
  }
  auto capacity = stream.message.capacity();
  if (capacity > stream.charged) {
    server_.buffered.fetch_add(capacity - stream.charged, std::memory_order_relaxed);
    stream.charged = capacity;
  }
}

/// Gives up the request's bytes and their charge.
void Connection::release(Stream& stream) {
  const std::size_t charge =
      std::exchange(stream.charged, 0) + std::exchange(stream.charged_headers, 0);
  if (charge > 0) server_.buffered.fetch_sub(charge, std::memory_order_relaxed);
  stream.message = std::string();
}

void Connection::on_request_complete(Stream& stream) {
  if (stream.phase != Stream::Phase::receiving) return;
  if (stream.prefix_size == stream.prefix.size() && stream.message.size() == stream.expected) {
    return dispatch(stream);
  }
  server_.refused.fetch_add(1, std::memory_order_relaxed);
  std::string message = stream.prefix_size == 0
                            ? "the call has no request message"
                            : "the request ended within its message (" +
                                  std::to_string(stream.message.size()) + " of " +
                                  std::to_string(stream.expected) + " bytes)";
  refuse(stream, {GrpcStatus::internal, std::move(message), {}});
}

void Connection::dispatch(Stream& stream) {
  std::optional<Clock::time_point> deadline;
  if (stream.deadline != Clock::time_point()) {
    deadline = stream.deadline;
    loop_.timers.schedule(stream.timer, stream.deadline);
  } else {
    stream.timer.cancel();
  }
  std::string request = std::move(stream.message);
  release(stream);
  stream.phase = Stream::Phase::dispatched;
  stream.call = std::make_shared<CallState>(loop_.mailbox, id_, stream.id);
  server_.under_way.fetch_add(1, std::memory_order_relaxed);
  server_.calls.fetch_add(1, std::memory_order_relaxed);
  const auto& [path, handler] = *stream.method;
  handler(GrpcCall{path, std::move(request),
                   stream.message_compressed ? stream.encoding : GrpcEncoding::identity,
                   server_.options.max_message_bytes, std::move(stream.metadata), peer_, subject_,
                   deadline, GrpcReply(stream.call)});
}

}  // namespace tollgate::grpc_server_detail
