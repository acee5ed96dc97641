#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "bloblang/functions/catalogue.h"
#include "config/component_spec.h"

namespace tollgate {

/// A heading of `list` with the names under it.
struct NameList {
  std::string key;    ///< "rate-limits", as the command line and JSON have it
  std::string title;  ///< "Rate Limits"
  std::vector<std::string> names;
};

/// The component names of every kind in the order that `list` prints them; with `status`, only
/// those of that status. Callers append the language's functions and methods.
std::vector<NameList> list_components(const ComponentCatalogue& catalogue,
                                      std::string_view status = {});

std::string print_list_text(const std::vector<NameList>& lists);
/// {"inputs":["…"],…}
std::string print_list_json(const std::vector<NameList>& lists);

/// "stable", "beta", …; functions that are for old mappings only may be "hidden".
std::string_view status_of(const bloblang::Function& function, bool is_method);

/// Everything about every component, function and method and about the service's own fields as one
/// JSON object; `json-full`. `scrubbed`: without the texts meant for people.
std::string print_full_json(const ComponentCatalogue& catalogue, std::string_view version,
                            bool scrubbed = false);

/// A JSON Schema (draft 7) of the whole configuration, for editors.
std::string print_json_schema(const ComponentCatalogue& catalogue);

}  // namespace tollgate
