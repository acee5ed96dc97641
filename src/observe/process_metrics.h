#pragma once

#include <string_view>
#include <vector>

namespace tollgate {

/// One of the `process_*` metrics that Prometheus users expect of every program.
struct ProcessMetric {
  std::string_view name;
  std::string_view help;
  bool is_counter;
  double value;
};

/// What the kernel says about this process; what it does not say is left out.
std::vector<ProcessMetric> read_process_metrics();

}  // namespace tollgate
