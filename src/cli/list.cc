// list: names the components, functions and methods of this program, in several forms.

#include <memory>

#include "bloblang/functions/catalogue.h"
#include "cli/common.h"
#include "config/listing.h"

namespace tollgate {

namespace {

struct Flags {
  std::string format = "text", status;
  std::vector<std::string> kinds, templates;
};

/// Deprecated ones are known to old mappings, but not shown to those who write new ones.
bool is_listed(std::string_view its_status, std::string_view wanted) {
  return its_status != "deprecated" && (wanted.empty() || wanted == its_status);
}

Result<std::string> print(const Flags& flags) {
  Catalogue catalogue(all_components());
  TRY(load_templates(flags.templates, false, catalogue));
  if (flags.format == "json-full") return print_full_json(catalogue, version()) + "\n";
  if (flags.format == "json-full-scrubbed") return print_full_json(catalogue, version(), true) + "\n";
  if (flags.format == "jsonschema") return print_json_schema(catalogue) + "\n";
  auto lists = list_components(catalogue, flags.status);
  const auto append = [&](const char* key, const char* title, const auto& functions,
                          bool are_methods) {
    NameList names{key, title, {}};
    for (const auto* function : functions) {
      if (is_listed(status_of(*function, are_methods), flags.status)) {
        names.names.emplace_back(function->name);
      }
    }
    lists.push_back(std::move(names));
  };
  append("bloblang-functions", "Bloblang Functions", bloblang::all_functions(), false);
  append("bloblang-methods", "Bloblang Methods", bloblang::all_methods(), true);
  if (!flags.kinds.empty()) {
    std::erase_if(lists, [&](const NameList& list) {
      return std::ranges::find(flags.kinds, list.key) == flags.kinds.end();
    });
  }
  if (flags.format == "json") std::ranges::sort(lists, {}, &NameList::key);
  if (flags.format == "json") return print_list_json(lists) + "\n";
  return print_list_text(lists);
}

}  // namespace

void add_list(CLI::App& app, CommandContext& context) {
  auto flags = std::make_shared<Flags>();
  auto* command = app.add_subcommand("list", "List components, functions and methods");
  command->add_option("kinds", flags->kinds,
                      "inputs processors outputs caches rate-limits buffers metrics tracers "
                      "scanners bloblang-functions bloblang-methods")
      ->type_name("KIND");
  command->add_option("--format", flags->format, "The form to print")
      ->check(CLI::IsMember({"text", "json", "json-full", "json-full-scrubbed", "jsonschema"}))
      ->capture_default_str();
  command->add_option("--status", flags->status, "Only those of this status");
  add_templates_option(*command, flags->templates);
  command->callback([flags, &context] {
    flags->templates = or_of_root(flags->templates, context.root.templates);
    const auto text = print(*flags);
    if (!text) return context.fail(text.error().message());
    fmt::print("{}", *text);
  });
}

}  // namespace tollgate
