#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace tollgate {

/// How usage is computed from events, in OpenMeter's terms.
struct Meter {
  std::string slug;
  std::string description;
  std::string event_type;
  std::string aggregation = "COUNT";
  std::string value_property;  ///< "$.duration_ms"; unset for COUNT
  std::vector<std::pair<std::string, std::string>> group_by;  ///< name → "$.method"
  std::string window_size = "HOUR";  ///< what a client should ask for first

  const std::string* group_path(std::string_view name) const;
};

/// What the sandbox meters when it is told nothing: the type `api-calls`, counted and its
/// durations summed.
std::vector<Meter> default_meters();

/// Reads a YAML file with the key `meters`. The error has a line "FILE(line,col) …" a mistake.
Result<std::vector<Meter>> load_meters(const std::string& path);
Result<std::vector<Meter>> parse_meters(const std::string& path, std::string_view text);

/// A JSON path into an event's data ("$.a['b c'][0]") as SQLite's path into the whole event
/// (`$."data"."a"."b c"[0]`).
Result<std::string> event_path(std::string_view path);

}  // namespace tollgate
