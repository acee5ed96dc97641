#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "net/http_server.h"
#include "runtime/executor.h"
#include "sandbox/meter.h"
#include "sandbox/sqlite.h"

namespace tollgate {

/// Answers questions about stored events and usage, in the shapes of OpenMeter's API. Queries run
/// one after the other on a thread and a connection of their own, beside the writer.
class ReadApi {
 public:
  static Result<std::unique_ptr<ReadApi>> open(const std::string& database, std::vector<Meter> meters);

  void list_meters(ServerRequest request, Responder responder);
  void get_meter(ServerRequest request, Responder responder);
  void query_meter(ServerRequest request, Responder responder);
  void list_subjects(ServerRequest request, Responder responder);
  void list_events_v1(ServerRequest request, Responder responder);
  void list_events_v3(ServerRequest request, Responder responder);
  void list_conflicts(ServerRequest request, Responder responder);

  const std::vector<Meter>& meters() const { return meters_; }

 private:
  using Query = std::function<Result<ServerResponse>(SqlDatabase&, const ServerRequest&)>;

  ReadApi(SqlDatabase database, std::vector<Meter> meters)
      : meters_(std::move(meters)), database_(std::move(database)) {}
  /// Runs `query` on the query thread; an invalid() answers 400, another error 500.
  void run(ServerRequest request, Responder responder, Query query);
  Result<const Meter*> meter_of(const ServerRequest& request) const;

  const std::vector<Meter> meters_;
  SqlDatabase database_;  // on the thread of queries_ only
  Executor queries_;
};

}  // namespace tollgate
