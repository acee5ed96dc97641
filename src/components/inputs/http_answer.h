#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/log.h"
#include "component/metadata_filter.h"
#include "config/schema.h"
#include "message/message.h"
#include "message/transaction.h"
#include "net/http_server.h"

namespace tollgate {

/// The `sync_response` group of `http_server`.
struct ResponseConfig {
  InterpolatedText status = "200";
  std::map<std::string, InterpolatedText> headers{{"Content-Type", "application/octet-stream"}};
  MetadataFilterConfig metadata_headers;
};
const Schema<ResponseConfig>& response_schema();

/// A plain text answer with a line break at its end.
ServerResponse error_response(int status, std::string_view text);

/// Shapes the answers to requests whose messages are settled. Immutable; any thread.
class Answerer {
 public:
  static Result<Answerer> build(const ResponseConfig& config, Logger logger);

  /// 200 and nothing, or what was left in `store`; 502 or 503 if a message failed.
  ServerResponse answer(const TransactionResult& result, ResponseStore& store) const;

 private:
  Answerer() = default;
  ServerResponse answer(const Batch& batch) const;
  void add_metadata(const Message& message, HttpHeaders& headers, Arena& scratch) const;

  Interpolated status_;
  std::vector<std::pair<std::string, Interpolated>> headers_;
  MetadataFilter metadata_;
  Logger logger_;
};

}  // namespace tollgate
