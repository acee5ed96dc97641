#pragma once

#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "otlp/wire.h"

namespace tollgate::bench {

/// What the generated access log looks like.
struct LogShape {
  std::size_t records = 512;
  std::size_t extra_attributes = 0;  ///< beside the seven that the mapping reads
  std::size_t extra_bytes = 0;       ///< in the body
};

/// An ExportLogsServiceRequest of an API gateway's access log: about 206 bytes a record. Timestamps
/// count up from `first_nanosecond`, so that no two records are equal.
inline std::string make_export(const LogShape& shape, std::uint64_t first_nanosecond) {
  std::mt19937 random(static_cast<std::uint32_t>(first_nanosecond));
  const auto text = [](WireWriter& out, std::uint32_t field, const char* key, const std::string& value) {
    out.message(field, [&](WireWriter& pair) {
      pair.bytes(1, key);
      pair.message(2, [&](WireWriter& any) { any.bytes(1, value); });
    });
  };
  std::string out;
  WireWriter(out).message(1, [&](WireWriter& resource_logs) {
    resource_logs.message(1, [&](WireWriter& resource) {
      text(resource, 1, "service.name", "gateway");
      text(resource, 1, "service.version", "1.2.3");
      text(resource, 1, "host.name", "node-17");
    });
    resource_logs.message(2, [&](WireWriter& scope_logs) {
      scope_logs.message(1, [](WireWriter& scope) { scope.bytes(1, "access-log"); });
      for (std::size_t i = 0; i < shape.records; ++i) {
        scope_logs.message(2, [&](WireWriter& record) {
          record.fixed64(1, first_nanosecond + i);
          record.varint(2, 9);
          record.bytes(3, "INFO");
          record.message(5, [&](WireWriter& any) {
            any.bytes(1, "this is an access log" + std::string(shape.extra_bytes, '.'));
          });
          text(record, 6, "subject", "customer-" + std::to_string(random() % 100));
          text(record, 6, "time", "2026-11-22T17:47:00.123Z");
          text(record, 6, "method", random() % 2 ? "GET" : "POST");
          text(record, 6, "path", "/pricing");
          text(record, 6, "region", "us-east-1");
          text(record, 6, "zone", "us-east-1a");
          record.message(6, [&](WireWriter& pair) {
            pair.bytes(1, "duration");
            pair.message(2, [&](WireWriter& any) { any.varint(3, random() % 1000); });
          });
          for (std::size_t extra = 0; extra < shape.extra_attributes; ++extra) {
            text(record, 6, ("attribute." + std::to_string(extra)).c_str(), "value");
          }
        });
      }
    });
  });
  return out;
}

/// make_export() for a load generator, which has to cost less than what it measures: some exports are
/// made ahead, and only the timestamps of their copies are written anew.
class ExportMaker {
 public:
  explicit ExportMaker(const LogShape& shape) {
    constexpr std::size_t kinds = 16;
    for (std::uint64_t first = kFirst; first < kFirst + kinds; ++first) {
      Template made{make_export(shape, first), {}};
      std::size_t at = 0;
      for (std::uint64_t i = 0; i < shape.records; ++i) {
        std::string field;
        WireWriter(field).fixed64(1, first + i);
        at = made.bytes.find(field, at) + field.size();
        made.timestamps.push_back(at - sizeof(std::uint64_t));
      }
      templates_.push_back(std::move(made));
    }
  }

  /// Appends an export to `out`.
  void append(std::string& out, std::uint64_t first_nanosecond) {
    const Template& from = templates_[next_++ % templates_.size()];
    const std::size_t start = out.size();
    out += from.bytes;
    for (const std::size_t at : from.timestamps) {
      std::memcpy(out.data() + start + at, &first_nanosecond, sizeof first_nanosecond);
      ++first_nanosecond;
    }
  }

 private:
  static constexpr std::uint64_t kFirst = 1'700'000'000'000'000'001u;
  struct Template {
    std::string bytes;
    std::vector<std::size_t> timestamps;  // where they stand
  };

  std::vector<Template> templates_;
  std::size_t next_ = 0;
};

}  // namespace tollgate::bench
