#pragma once

#include <cstddef>
#include <functional>
#include <string>

#include "base/log.h"
#include "component/catalogue.h"
#include "component/inproc.h"
#include "net/http_client.h"
#include "observe/ledger.h"
#include "observe/metrics.h"
#include "pipeline/gate.h"
#include "pipeline/memory_budget.h"
#include "runtime/executor.h"
#include "runtime/timer_queue.h"

namespace tollgate {

class HttpService;

/// What all components of a process share. Outlives every stream.
struct Environment {
  Environment(const Catalogue& types, Logger log, MetricsRegistry& registry, HttpService& service,
              std::size_t memory_limit)
      : catalogue(types), logger(std::move(log)), metrics(registry), http(service),
        budget(memory_limit) {}

  const Catalogue& catalogue;
  const Logger logger;
  MetricsRegistry& metrics;
  HttpService& http;
  bool strict = false;
  /// What tells this meter's identities apart: the destinations' scheme, host and path.
  std::string identity_salt;
  std::string state_dir;  ///< empty: nothing outlives the process

  Gate gate;
  MemoryBudget budget;
  Ledger ledger;
  InprocHub inproc;
  // Destroyed first, in this order reversed: nothing calls back into components after that.
  TimerQueue timers;
  Executor executor;
  HttpClient http_client;
};

}  // namespace tollgate
