#pragma once

#include <memory>
#include <span>
#include <vector>

#include "base/arena.h"
#include "bloblang/program/nodes.h"

namespace tollgate {

/// A compiled mapping, query or interpolated string. Made by the compiler, then immutable, shared
/// by all threads, except for the states of its calls, which guard themselves.
class Program {
 public:
  Program() : memory(1024) {}

  /// One piece of an interpolated string: text, or a query.
  struct Part {
    std::string_view text;
    const bloblang::Node* query;
  };

  Arena memory;
  bloblang::Body main;
  bloblang::MapTable maps;
  std::span<const bloblang::SharedPath> prefixes;  ///< paths that fields of the document share
  std::span<const Part> parts;
  std::vector<std::unique_ptr<bloblang::CallState>> states;
};

}  // namespace tollgate
