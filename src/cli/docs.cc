// docs: prints the reference page of a component, function or method from its specification, or
// writes all pages into a folder.

#include <filesystem>
#include <fstream>
#include <memory>

#include "bloblang/functions/catalogue.h"
#include "cli/common.h"
#include "config/component_docs.h"
#include "config/service_config.h"

namespace tollgate {

namespace {

using bloblang::Example;
using bloblang::Function;
using bloblang::Need;

constexpr ComponentKind kKinds[] = {
    ComponentKind::input,   ComponentKind::buffer,     ComponentKind::processor,
    ComponentKind::output,  ComponentKind::cache,      ComponentKind::rate_limit,
    ComponentKind::metrics, ComponentKind::tracer,     ComponentKind::scanner,
};

std::string_view type_name(bloblang::Type type) {
  using bloblang::Type;
  switch (type) {
    case Type::string: return "string";
    case Type::integer: return "integer";
    case Type::number: return "number";
    case Type::boolean: return "bool";
    case Type::timestamp: return "timestamp";
    case Type::array: return "array";
    case Type::object: return "object";
    case Type::any: return "any";
    case Type::query: return "query";
    case Type::value_or_query: return "value or query";
  }
  return "";
}

std::string function_section(const Function& function, bool is_method) {
  std::string out = fmt::format("### `{}{}`\n\n", is_method ? "." : "", function.name);
  using Stability = Function::Stability;
  if (function.stability == Stability::beta) out += "*Beta.* ";
  if (function.stability == Stability::experimental) out += "*Experimental.* ";
  if (function.stability == Stability::deprecated) out += "*Deprecated.* ";
  out += fmt::format("{}\n", function.description);
  if (function.variadic) out += "\nTakes any number of arguments.\n";
  if (function.parameter_count() > 0) {
    out += "\n| parameter | type | | |\n|---|---|---|---|\n";
    for (std::size_t i = 0; i < function.parameter_count(); ++i) {
      const auto& parameter = function.parameters[i];
      out += fmt::format("| `{}` | {} | {} | {} |\n", parameter.name, type_name(parameter.type),
                         parameter.need == Need::required ? "required" : "optional",
                         parameter.description);
    }
  }
  for (const Example& example : function.examples) {
    if (example.mapping.empty()) break;
    out += fmt::format("\n{}{}```coffee\n{}\n", example.summary, example.summary.empty() ? "" : "\n\n",
                       example.mapping);
    for (const auto& each : example.cases) {
      if (each.input.empty()) break;
      out += fmt::format("\n# In:  {}\n# {}: {}\n", each.input, each.error.empty() ? "Out" : "Error",
                         each.error.empty() ? each.output : each.error);
    }
    out += "```\n";
  }
  return out + "\n";
}

std::string language_page(bool methods) {
  std::string out = methods ? "# Bloblang methods\n\n" : "# Bloblang functions\n\n";
  const auto& all = methods ? bloblang::all_methods() : bloblang::all_functions();
  std::string title;
  std::vector<const Function*> sorted(all.begin(), all.end());
  std::ranges::stable_sort(sorted, {}, [](const Function* f) { return f->category; });
  for (const Function* function : sorted) {
    if (function->category == bloblang::Category::hidden) continue;
    const auto category = bloblang::category_title(function->category);
    if (category != title) out += fmt::format("## {}\n\n", title = category);
    out += function_section(*function, methods);
  }
  return out;
}

std::string service_page() {
  return "# Service configuration\n\nThe keys at the top of a configuration file.\n\n" +
         field_reference(specs_of(service_schema()));
}

Result<> write_page(const std::filesystem::path& path, const std::string& text) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream file(path, std::ios::trunc);
  file << text;
  file.close();
  return file ? Result<>() : transient(fmt::format("cannot write {}", path.string()));
}

Result<> write_all(const Catalogue& catalogue, const std::filesystem::path& folder) {
  std::string index = "# Reference\n\nMade by `tollgate docs --all` from the specifications in the "
                      "source.\n\n- [service configuration](service.md)\n"
                      "- [Bloblang functions](functions.md)\n- [Bloblang methods](methods.md)\n";
  TRY(write_page(folder / "service.md", service_page()));
  TRY(write_page(folder / "functions.md", language_page(false)));
  TRY(write_page(folder / "methods.md", language_page(true)));
  for (const ComponentKind kind : kKinds) {
    index += fmt::format("\n## {}\n\n", kind_name(kind));
    for (const ComponentSpec* spec : catalogue.all(kind)) {
      const auto name = fmt::format("{}_{}.md", kind_name(kind), spec->name);
      index += fmt::format("- [{}]({}): {}\n", spec->name, name, spec->summary);
      TRY(write_page(folder / name, component_page(*spec)));
    }
  }
  return write_page(folder / "README.md", index);
}

Result<std::string> page(const Catalogue& catalogue, std::string name) {
  std::string_view only_kind;
  if (const auto slash = name.find('/'); slash != name.npos) {
    only_kind = std::string_view(name).substr(0, slash);
  }
  const std::string plain = name.substr(only_kind.empty() ? 0 : only_kind.size() + 1);
  std::string out;
  for (const ComponentKind kind : kKinds) {
    if (!only_kind.empty() && kind_name(kind) != only_kind) continue;
    if (const ComponentSpec* spec = catalogue.find(kind, plain)) out += component_page(*spec);
  }
  if (only_kind.empty() || only_kind == "function") {
    if (const auto* function = bloblang::find_function(plain)) out += function_section(*function, false);
  }
  if (only_kind.empty() || only_kind == "method") {
    if (const auto* method = bloblang::find_method(plain)) out += function_section(*method, true);
  }
  if (out.empty()) {
    return invalid(fmt::format("nothing is called '{}'; `tollgate list` names what there is", name));
  }
  return out;
}

}  // namespace

void add_docs(CLI::App& app, CommandContext& context) {
  struct Flags {
    std::string name, all;
  };
  auto flags = std::make_shared<Flags>();
  auto* command = app.add_subcommand("docs", "Print the page of a component, function or method");
  command->footer("Examples: tollgate docs http_client, tollgate docs input/broker, "
                  "tollgate docs map_each");
  command->add_option("name", flags->name, "NAME or KIND/NAME")->type_name("NAME");
  command->add_option("--all", flags->all, "Write every page into this folder")->type_name("FOLDER");
  command->callback([flags, &context] {
    const Catalogue catalogue(all_components());
    if (!flags->all.empty()) {
      if (auto done = write_all(catalogue, flags->all); !done) context.fail(done.error().message());
      return;
    }
    if (flags->name.empty()) return context.fail("name what to print, or give --all FOLDER");
    const auto text = page(catalogue, flags->name);
    if (!text) return context.fail(text.error().message());
    fmt::print("{}", *text);
  });
}

}  // namespace tollgate
