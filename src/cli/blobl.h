#pragma once

#include <string>

#include "bloblang/bloblang.h"
#include "cli/command.h"

namespace tollgate {

/// How `blobl` runs a mapping.
struct MappingExecution {
  bool raw = false;     ///< `this` is the document's text, not its JSON
  bool pretty = false;  ///< structured results are indented
};

/// Runs `mapping` on one document; what to print: text as it is, everything else as JSON, a document
/// that the mapping leaves alone as it came, nothing for one that it deletes.
Result<std::string> execute_mapping(const Mapping& mapping, std::string_view document,
                                    const MappingExecution& how);

/// Adds `blobl server`.
CLI::App* add_blobl_server(CLI::App& blobl, CommandContext& context);

/// The page of `blobl server`, with these texts in it to begin with.
std::string blobl_page(std::string_view mapping, std::string_view input);

}  // namespace tollgate
