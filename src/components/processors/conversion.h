#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "component/build_context.h"
#include "component/processor.h"

namespace tollgate {

/// Replaces each message with what one expression of the mapping language makes of it: for
/// processors that do what a method does.
class Conversion final : public MessageProcessor {
 public:
  struct Options {
    std::shared_ptr<const Mapping> mapping;
    bool from_document = false;  ///< the message must be JSON
    bool to_document = true;     ///< the result is a document, else bytes
    /// Where the reason begins in the mapping's errors, and what is put before it.
    std::string_view reason_after;
    std::string_view error_prefix;
  };

  static Result<ProcessorFactory> factory(std::string_view expression, Options options);

  explicit Conversion(Options options) : options_(std::move(options)) {}

 private:
  Result<Verdict> transform(Batch& batch, std::size_t index) override;

  const Options options_;
};

}  // namespace tollgate
