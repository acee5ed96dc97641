// create: prints a configuration to start from.

#include <memory>

#include "cli/common.h"
#include "config/create.h"

namespace tollgate {

void add_create(CLI::App& app, CommandContext& context) {
  struct Flags {
    std::string expression;
    std::vector<std::string> templates;
    std::vector<std::string> rest;  // ignored, as the incumbent does
    bool small = false;
  };
  auto flags = std::make_shared<Flags>();
  auto* command = app.add_subcommand("create", "Print a configuration to start from");
  command->footer("Example: tollgate create --small otel_log/mapping,json_schema/openmeter");
  command->add_option("expression", flags->expression, "inputs/processors/outputs, lists with commas")
      ->type_name("EXPRESSION");
  command->add_option("rest", flags->rest)->group("");
  command->add_flag("-s,--small", flags->small, "Leave out advanced fields and the service's parts");
  add_templates_option(*command, flags->templates);
  command->callback([flags, &context] {
    Catalogue catalogue(all_components());
    const auto& templates = or_of_root(flags->templates, context.root.templates);
    if (auto loaded = load_templates(templates, context.root.chilled, catalogue); !loaded) {
      return context.fail(loaded.error().message());
    }
    const auto text = create_config(flags->expression, flags->small, catalogue);
    if (!text) return context.fail(fmt::format("generate error: {}", text.error().message()));
    fmt::print("{}\n", *text);  // an empty line after it, as the incumbent prints
  });
}

}  // namespace tollgate
