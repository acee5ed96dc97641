#pragma once

#include <memory>

#include "component/http_request.h"
#include "component/http_sender.h"
#include "component/output.h"

namespace tollgate {

/// Delivers batches over HTTP; what `http_client` and `openmeter` share.
///
/// One request a message, in order, unless the form says otherwise. A message that is refused for
/// its content is reported alone and the next ones are sent; when the destination is in trouble,
/// the rest of the batch is failed untried. What was delivered is reported as delivered, so that
/// nobody sends it again.
class HttpDelivery final : public Output {
 public:
  enum class Form : unsigned char {
    message,     ///< a request for each message
    multipart,   ///< one multipart request for the batch
    json_array,  ///< one request with all messages, which must be JSON, as an array
  };
  struct Options {
    Form form = Form::message;
    bool propagate_response = false;  ///< keep responses for the input that waits
  };

  HttpDelivery(std::shared_ptr<const HttpRequestBuilder> builder,
               std::shared_ptr<HttpSender> sender, Options options);

  void write(SharedBatch batch, Ack ack) override;
  bool connected() const override { return sender_->connected(); }
  void close(std::chrono::steady_clock::time_point deadline) override { sender_->close(deadline); }

 private:
  class Sequence;
  void write_whole(SharedBatch batch, Ack ack);
  void write_array(SharedBatch batch, Ack ack);

  const std::shared_ptr<const HttpRequestBuilder> builder_;
  const std::shared_ptr<HttpSender> sender_;
  const Options options_;
};

}  // namespace tollgate
