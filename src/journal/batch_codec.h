#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "message/message.h"

namespace tollgate {

/// Appends `batch` as durable buffers store it: of each message the payload bytes, metadata with
/// its types, error flag, identity, draws and collapsed count. Receipts, places and response stores
/// stay behind. Requires: all messages have bytes.
void append_batch(std::string& out, const Batch& batch);

/// The batch in `bytes`, whose messages view them: they are kept as long as the batch is. Messages
/// that `left_out` marks (empty: none) are skipped. An error (invalid) if the form is unknown.
Result<Batch> decode_batch(std::shared_ptr<const std::string> bytes,
                           const std::vector<bool>& left_out = {});

}  // namespace tollgate
