#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "component/component.h"
#include "component/input.h"
#include "component/output.h"
#include "component/processor.h"

namespace tollgate {

/// A key-value store shared by components. Safe from any thread.
class Cache {
 public:
  using Ttl = std::optional<std::chrono::nanoseconds>;
  virtual ~Cache() = default;
  /// Nothing if the key is absent or expired.
  virtual Result<std::optional<std::string>> get(std::string_view key) = 0;
  virtual Result<> set(std::string_view key, std::string_view value, Ttl ttl) = 0;
  /// False if the key exists already.
  virtual Result<bool> add(std::string_view key, std::string_view value, Ttl ttl) = 0;
  virtual Result<> remove(std::string_view key) = 0;
};
using CacheType = ComponentType<std::unique_ptr<Cache>>;

/// Permits per time. Safe from any thread.
class RateLimit {
 public:
  virtual ~RateLimit() = default;
  /// Zero: go ahead, a permit was taken. Else how long to wait before asking again.
  virtual Result<std::chrono::nanoseconds> access() = 0;
};
using RateLimitType = ComponentType<std::unique_ptr<RateLimit>>;

/// Cuts a stream of bytes into batches of messages. One thread.
class Scanner {
 public:
  virtual ~Scanner() = default;
  /// Consumes `bytes`; every finished message is appended to `out`.
  virtual Result<> feed(std::string_view bytes, Batch& out) = 0;
  /// The stream ended: appends what is left.
  virtual Result<> finish(Batch& out) = 0;
};
/// Makes a scanner for one stream; `name` is the file's, for scanners that choose by it.
using ScannerFactory = std::function<std::unique_ptr<Scanner>(std::string_view name)>;
using ScannerType = ComponentType<ScannerFactory>;

/// Holds batches between input and pipeline.
///
/// write() takes responsibility: it settles the receipts as delivered once the messages are safe
/// where this buffer keeps them, or passes them on unchanged if it keeps nothing.
class Buffer {
 public:
  virtual ~Buffer() = default;
  virtual Result<> start(Intake& downstream) = 0;
  /// May wait for room. On an error the receipts were failed.
  virtual Result<> write(Batch batch) = 0;
  /// No more writes will come: when empty and settled, call downstream.ended().
  virtual void end_of_input() = 0;
  virtual void stop() = 0;
};
using BufferType = ComponentType<std::unique_ptr<Buffer>>;

/// Publishes the metrics registry somewhere.
class MetricsExporter {
 public:
  virtual ~MetricsExporter() = default;
  virtual Result<> start() { return {}; }
  virtual void stop() {}
  /// Content for /metrics and /stats, or nothing if this exporter has no such page.
  virtual std::optional<std::string> page(std::string& content_type) {
    (void)content_type;
    return std::nullopt;
  }
};
using MetricsType = ComponentType<std::unique_ptr<MetricsExporter>>;

class Tracer {
 public:
  virtual ~Tracer() = default;
};
using TracerType = ComponentType<std::unique_ptr<Tracer>>;

}  // namespace tollgate
