#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "bloblang/bloblang.h"
#include "config/component_kind.h"
#include "config/node.h"

namespace tollgate {

/// A duration written as Go writes them ("300ms", "1.5h"); the text is kept for `echo` and docs.
/// An empty text means "not set", where the field allows it.
struct Duration {
  std::string text;
  std::chrono::nanoseconds value{};

  Duration() = default;
  Duration(const char* literal);  ///< Requires: a valid duration, or "".
  bool is_set() const { return !text.empty(); }
};

/// A field holding a whole mapping, compiled at load. Empty text: not set.
struct MappingText {
  std::string text;
  std::shared_ptr<const Mapping> mapping;  ///< null if not set or if it did not compile (a lint)

  MappingText() = default;
  MappingText(const char* literal);  ///< Requires: "" or a mapping that compiles.
  bool is_set() const { return !text.empty(); }
};

/// A field whose text may hold `${! }` queries, compiled at load.
struct InterpolatedText {
  std::string text;
  Interpolated value;

  InterpolatedText() = default;
  InterpolatedText(const char* literal);  ///< Requires: text that compiles.
};

/// A field holding another component, kept as written; component/ builds it.
template <ComponentKind kind>
struct Child {
  Node node;  ///< absent: not set
};
using ChildInput = Child<ComponentKind::input>;
using ChildBuffer = Child<ComponentKind::buffer>;
using ChildProcessor = Child<ComponentKind::processor>;
using ChildOutput = Child<ComponentKind::output>;
using ChildCache = Child<ComponentKind::cache>;
using ChildRateLimit = Child<ComponentKind::rate_limit>;
using ChildMetrics = Child<ComponentKind::metrics>;
using ChildTracer = Child<ComponentKind::tracer>;
using ChildScanner = Child<ComponentKind::scanner>;

}  // namespace tollgate
