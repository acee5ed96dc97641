#pragma once

#include <memory>
#include <string>

#include "base/log.h"
#include "component/output.h"
#include "observe/metrics.h"

namespace tollgate {

/// What keeps a message from being a CloudEvent that OpenMeter bills by: it must be a JSON object
/// with `id`, `source`, `type`, `subject` and `specversion`, and `time`, where given, in RFC 3339.
/// Empty: nothing.
std::string why_no_event(const Message& message);

/// Refuses messages that are no events before they get into a batch with others. Each is logged once
/// and counted in `refused`.
std::unique_ptr<Output> only_valid_events(std::unique_ptr<Output> output, Counter& refused,
                                          Logger logger);

}  // namespace tollgate
