// list: names the components, functions and methods of this program, in several forms.

#include <memory>

#include "bloblang/functions/catalogue.h"
#include "cli/common.h"
#include "config/listing.h"

namespace tollgate {

namespace {

struct Flags {
  std::string format = "text", status;
  std::vector<std::string> kinds;
};

std::string print(const Flags& flags) {
  const Catalogue catalogue(all_components());
  if (flags.format == "json-full") return print_full_json(catalogue, version()) + "\n";
  if (flags.format == "json-full-scrubbed") return print_full_json(catalogue, version(), true) + "\n";
  if (flags.format == "jsonschema") return print_json_schema(catalogue) + "\n";
  auto lists = list_components(catalogue, flags.status);
  const auto append = [&](const char* key, const char* title, const auto& functions) {
    NameList names{key, title, {}};
    for (const auto* function : functions) {
      if (function->category != bloblang::Category::hidden) names.names.emplace_back(function->name);
    }
    lists.push_back(std::move(names));
  };
  append("bloblang-functions", "Bloblang Functions", bloblang::all_functions());
  append("bloblang-methods", "Bloblang Methods", bloblang::all_methods());
  if (!flags.kinds.empty()) {
    std::erase_if(lists, [&](const NameList& list) {
      return std::ranges::find(flags.kinds, list.key) == flags.kinds.end();
    });
  }
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
  command->callback([flags, &context] {
    (void)context;
    fmt::print("{}", print(*flags));
  });
}

}  // namespace tollgate
