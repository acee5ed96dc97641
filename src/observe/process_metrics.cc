#include "observe/process_metrics.h"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>

#include "base/strings.h"

namespace tollgate {

namespace {

std::string read_file(const char* path) {
  std::ifstream file(path);
  return (std::ostringstream() << file.rdbuf()).str();
}

/// The number after `key` in a file of "key value" lines.
std::optional<double> value_of(const std::string& text, std::string_view key) {
  const auto at = text.find(key);
  if (at == std::string::npos) return std::nullopt;
  std::istringstream rest(text.substr(at + key.size()));
  double value = 0;
  return rest >> value ? std::optional(value) : std::nullopt;
}

/// The fields of /proc/self/stat from the third ("state") on: the second may hold spaces.
std::vector<std::string> stat_fields() {
  const std::string stat = read_file("/proc/self/stat");
  const auto name_end = stat.rfind(')');
  std::vector<std::string> fields;
  if (name_end == std::string::npos) return fields;
  std::istringstream rest(stat.substr(name_end + 1));
  for (std::string field; rest >> field;) fields.push_back(field);
  return fields;
}

/// InOctets or OutOctets of the process's network namespace.
std::optional<double> network_bytes(const std::string& netstat, std::string_view column) {
  const auto lines = split(netstat, "\n");
  for (std::size_t i = 0; i + 1 < lines.size(); ++i) {
    if (!lines[i].starts_with("IpExt:")) continue;
    const auto names = split(lines[i], " "), values = split(lines[i + 1], " ");
    for (std::size_t n = 0; n < names.size() && n < values.size(); ++n) {
      if (names[n] == column) return std::strtod(std::string(values[n]).c_str(), nullptr);
    }
    return std::nullopt;
  }
  return std::nullopt;
}

std::optional<double> limit_of(__rlimit_resource resource) {
  rlimit limit{};
  if (getrlimit(resource, &limit) != 0) return std::nullopt;
  return static_cast<double>(limit.rlim_cur);
}

std::optional<double> open_files() {
  std::error_code error;
  std::filesystem::directory_iterator at("/proc/self/fd", error), end;
  if (error) return std::nullopt;
  double count = -1;  // the listing itself is one of them
  for (; at != end && !error; at.increment(error)) ++count;
  return count;
}

}  // namespace

std::vector<ProcessMetric> read_process_metrics() {
  std::vector<ProcessMetric> metrics;
  const auto add = [&](std::string_view name, std::string_view help, bool is_counter,
                       std::optional<double> value) {
    if (value) metrics.push_back({name, help, is_counter, *value});
  };
  const auto fields = stat_fields();
  const auto field = [&](std::size_t number) -> std::optional<double> {  // as proc(5) counts them
    if (fields.size() <= number - 3) return std::nullopt;
    return std::strtod(fields[number - 3].c_str(), nullptr);
  };
  const auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  const auto pages = static_cast<double>(sysconf(_SC_PAGESIZE));
  if (const auto user = field(14), system = field(15); user && system) {
    add("process_cpu_seconds_total", "CPU time spent in user and system mode, in seconds.", true,
        (*user + *system) / ticks);
  }
  add("process_max_fds", "Most file descriptors that may be open.", false, limit_of(RLIMIT_NOFILE));
  const std::string netstat = read_file("/proc/self/net/netstat");
  add("process_network_receive_bytes_total", "Bytes received from the network.", true,
      network_bytes(netstat, "InOctets"));
  add("process_network_transmit_bytes_total", "Bytes sent to the network.", true,
      network_bytes(netstat, "OutOctets"));
  add("process_open_fds", "Open file descriptors.", false, open_files());
  const auto resident = field(24);
  add("process_resident_memory_bytes", "Resident memory in bytes.", false,
      resident ? std::optional(*resident * pages) : std::nullopt);
  const auto boot = value_of(read_file("/proc/stat"), "\nbtime ");
  if (const auto start = field(22); start && boot) {
    add("process_start_time_seconds", "When the process started, in seconds since 1970.", false,
        *boot + *start / ticks);
  }
  add("process_virtual_memory_bytes", "Virtual memory in bytes.", false, field(23));
  add("process_virtual_memory_max_bytes", "Most virtual memory that may be used, in bytes.", false,
      limit_of(RLIMIT_AS));
  return metrics;
}

}  // namespace tollgate
