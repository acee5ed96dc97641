// The glue between nghttp2's C callbacks and Connection.

#include <algorithm>
#include <cstring>

#include "net/grpc_connection.h"

namespace tollgate::grpc_server_detail {

struct SessionCallbacks {
  static Connection& connection(void* user) { return *static_cast<Connection*>(user); }

  static Stream* stream(nghttp2_session* session, std::int32_t id) {
    return static_cast<Stream*>(nghttp2_session_get_stream_user_data(session, id));
  }

  static int on_begin_headers(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
    if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
    auto& self = connection(user);
    auto id = frame->hd.stream_id;
    auto created = std::make_unique<Stream>(self, id);
    created->started = self.loop_.now;
    nghttp2_session_set_stream_user_data(session, id, created.get());
    self.streams_[id] = std::move(created);
    return 0;
  }

  static int on_header(nghttp2_session* session, const nghttp2_frame* frame,
                       const std::uint8_t* name, std::size_t name_size, const std::uint8_t* value,
                       std::size_t value_size, std::uint8_t, void* user) {
    if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
    auto* target = stream(session, frame->hd.stream_id);
    if (target == nullptr) return 0;
    connection(user).on_header(*target, {reinterpret_cast<const char*>(name), name_size},
                               {reinterpret_cast<const char*>(value), value_size});
    return 0;
  }

  static int on_frame_recv(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
    auto& self = connection(user);
    bool is_headers = frame->hd.type == NGHTTP2_HEADERS;
    if (!is_headers && frame->hd.type != NGHTTP2_DATA) {
      self.on_control_frame(*frame);
      return 0;
    }
    bool end = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    if (!end && !is_headers && frame->hd.length == 0) self.spend_control_budget();
    auto* target = stream(session, frame->hd.stream_id);
    if (target == nullptr) return 0;
    if (end) target->remote_closed = true;
    if (is_headers && frame->headers.cat == NGHTTP2_HCAT_REQUEST) self.on_headers_complete(*target);
    if (end) self.on_request_complete(*target);
    return 0;
  }

  static int on_data_chunk(nghttp2_session* session, std::uint8_t, std::int32_t id,
                           const std::uint8_t* data, std::size_t size, void* user) {
    if (auto* target = stream(session, id)) {
      connection(user).on_data(*target, {reinterpret_cast<const char*>(data), size});
    }
    return 0;
  }

  static int on_frame_send(nghttp2_session* session, const nghttp2_frame* frame, void*) {
    if (frame->hd.type != NGHTTP2_HEADERS || (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0) return 0;
    // Answered before the request was complete: ask the client to stop sending it.
    auto* target = stream(session, frame->hd.stream_id);
    if (target != nullptr && !target->remote_closed) {
      nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id, NGHTTP2_NO_ERROR);
    }
    return 0;
  }

  static int on_stream_close(nghttp2_session* session, std::int32_t id, std::uint32_t, void* user) {
    if (auto* target = stream(session, id)) connection(user).on_stream_closed(*target);
    return 0;
  }

  static ssize_t read_response(nghttp2_session* session, std::int32_t id, std::uint8_t* out,
                               std::size_t size, std::uint32_t* flags, nghttp2_data_source* source,
                               void*) {
    auto& target = *static_cast<Stream*>(source->ptr);
    auto count = std::min(size, target.response.size() - target.sent);
    std::memcpy(out, target.response.data() + target.sent, count);
    target.sent += count;
    if (target.sent == target.response.size()) {
      *flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
      static char name[] = "grpc-status", zero[] = "0";
      nghttp2_nv trailer{reinterpret_cast<std::uint8_t*>(name), reinterpret_cast<std::uint8_t*>(zero),
                         sizeof name - 1, sizeof zero - 1,
                         NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE};
      nghttp2_submit_trailer(session, id, &trailer, 1);
    }
    return static_cast<ssize_t>(count);
  }

  static nghttp2_session_callbacks* make() {
    nghttp2_session_callbacks* made = nullptr;
    nghttp2_session_callbacks_new(&made);
    nghttp2_session_callbacks_set_on_begin_headers_callback(made, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(made, on_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(made, on_frame_recv);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(made, on_data_chunk);
    nghttp2_session_callbacks_set_on_frame_send_callback(made, on_frame_send);
    nghttp2_session_callbacks_set_on_stream_close_callback(made, on_stream_close);
    return made;
  }
};

const nghttp2_session_callbacks* session_callbacks() {
  static const nghttp2_session_callbacks* callbacks = SessionCallbacks::make();
  return callbacks;
}

namespace {

nghttp2_nv field(std::string_view name, std::string_view value) {
  return {reinterpret_cast<std::uint8_t*>(const_cast<char*>(name.data())),
          reinterpret_cast<std::uint8_t*>(const_cast<char*>(value.data())), name.size(), value.size(),
          NGHTTP2_NV_FLAG_NONE};
}

}  // namespace

void Connection::open_session() {
  nghttp2_option* option = nullptr;
  nghttp2_option_new(&option);
  nghttp2_option_set_no_closed_streams(option, 1);
  nghttp2_option_set_max_outbound_ack(option, 1000);
  nghttp2_option_set_max_settings(option, 32);
  nghttp2_session_server_new2(&session_, session_callbacks(), this, option);
  nghttp2_option_del(option);

  const auto& options = server_.options;
  const nghttp2_settings_entry settings[] = {
      {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, options.max_concurrent_streams},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 4u << 20},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, static_cast<std::uint32_t>(options.max_header_bytes)},
      {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
  };
  nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings, std::size(settings));
  nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, 16 << 20);
}

void Connection::submit_response(Stream& stream, std::string response) {
  stream.phase = Stream::Phase::answered;
  auto size = static_cast<std::uint32_t>(response.size());
  char prefix[5] = {0, static_cast<char>(size >> 24), static_cast<char>(size >> 16),
                    static_cast<char>(size >> 8), static_cast<char>(size)};
  stream.response = std::move(response);
  stream.response.insert(0, prefix, sizeof prefix);
  nghttp2_nv head[] = {field(":status", "200"), field("content-type", "application/grpc")};
  for (auto& each : head) each.flags = NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE;
  nghttp2_data_provider provider{};
  provider.source.ptr = &stream;
  provider.read_callback = &SessionCallbacks::read_response;
  nghttp2_submit_response(session_, stream.id, head, std::size(head), &provider);
}

void Connection::refuse(Stream& stream, GrpcFailure failure, int http_status) {
  if (stream.phase == Stream::Phase::answered) return;
  stream.phase = Stream::Phase::answered;
  stream.timer.cancel();
  release(stream);
  auto status = std::to_string(http_status);
  auto code = std::to_string(static_cast<int>(failure.status));
  // Header blocks have limits at the other side, so the text has one here.
  if (failure.message.size() > 4096) failure.message.resize(4096);
  auto message = encode_grpc_message(failure.message);
  std::string details;
  std::vector<nghttp2_nv> head = {field(":status", status), field("content-type", "application/grpc"),
                                  field("grpc-status", code)};
  if (!message.empty()) head.push_back(field("grpc-message", message));
  if (failure.retry_delay) {
    details = encode_base64(encode_status_details(failure), false);
    head.push_back(field("grpc-status-details-bin", details));
  }
  if (!stream.unknown_encoding.empty()) {
    head.push_back(field("grpc-accept-encoding", "identity,deflate,gzip"));
  }
  if (http_status == 405) head.push_back(field("allow", "POST"));
  nghttp2_submit_response(session_, stream.id, head.data(), head.size(), nullptr);
}

}  // namespace tollgate::grpc_server_detail
