#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "component/build_context.h"

namespace tollgate {

// For inputs that read bytes through a scanner (`file`, `stdin`).

/// The scanner that one of the older `codec` names stands for ("lines", "delim:x", "gzip/csv").
Result<Node> scanner_of_codec(std::string_view codec, std::int64_t max_buffer);

/// The field's default.
ChildScanner default_scanner();

/// The scanner to use of the two ways to say it.
Result<ScannerFactory> make_scanner(const std::optional<std::string>& codec,
                                    std::int64_t max_buffer, const ChildScanner& scanner,
                                    BuildContext& context);

/// Messages that a scanner found, handed out as batches of one with memory of their own.
class ScannedMessages {
 public:
  Batch& buffer() { return found_; }
  /// Nothing when all were taken.
  std::optional<Batch> take();

 private:
  Batch found_;
  std::size_t next_ = 0;
};

}  // namespace tollgate
