#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "base/log.h"
#include "component/build_context.h"
#include "component/write_results.h"

namespace tollgate {

/// Whether a message failed for its content: to send it again cannot help.
bool is_refused(const WriteStatus& status);

/// Adds a copy of `message`, with the reason as metadata `key`, to `batch`. (What was written is
/// shared and constant.)
void add_with_reason(const Message& message, const WriteStatus& status, std::string_view key,
                     Batch& batch);

/// The field `dead_letter` of outputs that can tell which message was refused.
struct DeadLetterConfig {
  std::optional<ChildOutput> dead_letter;
};
const Schema<DeadLetterConfig>& dead_letter_schema();

/// Wraps `output` if a dead letter is configured: messages that it refused for their content are
/// written there, with the reason as metadata `dead_letter_reason`, and count as dead-lettered. One
/// that cannot be set aside either is failed as transient: its sender keeps it.
Result<std::unique_ptr<Output>> with_dead_letter(std::unique_ptr<Output> output,
                                                 const DeadLetterConfig& config,
                                                 BuildContext& context);

}  // namespace tollgate
