// completion: prints a shell's completion script, made of the commands and flags as they are.

#include <memory>

#include "cli/common.h"

namespace tollgate {

namespace {

/// The commands that help shows.
std::vector<const CLI::App*> shown_commands(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App* each) { return !each->get_group().empty(); });
}

std::string words(const CLI::App& app) {
  std::string out;
  for (const CLI::App* command : shown_commands(app)) out += command->get_name() + ' ';
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) out += "--" + name + ' ';
  }
  return out;
}

std::string bash(const CLI::App& root) {
  std::string cases;
  for (const CLI::App* command : shown_commands(root)) {
    cases += fmt::format("    {}) words=\"{}\" ;;\n", command->get_name(), words(*command));
  }
  return fmt::format(R"(_tollgate() {{
  local words command
  command=${{COMP_WORDS[1]}}
  case "$command" in
{}    *) words="{}" ;;
  esac
  [ "$COMP_CWORD" -eq 1 ] && words="{}"
  COMPREPLY=($(compgen -W "$words" -- "${{COMP_WORDS[COMP_CWORD]}}") $(compgen -f -- "${{COMP_WORDS[COMP_CWORD]}}"))
}}
complete -o filenames -F _tollgate tollgate
)",
                     cases, words(root), words(root));
}

std::string fish(const CLI::App& root) {
  std::string out;
  for (const CLI::App* command : shown_commands(root)) {
    out += fmt::format("complete -c tollgate -n __fish_use_subcommand -a {} -d '{}'\n",
                       command->get_name(), command->get_description());
    for (const CLI::Option* option : command->get_options()) {
      for (const std::string& name : option->get_lnames()) {
        out += fmt::format("complete -c tollgate -n '__fish_seen_subcommand_from {}' -l {} -d '{}'\n",
                           command->get_name(), name, option->get_description());
      }
    }
  }
  return out;
}

}  // namespace

void add_completion(CLI::App& app, CommandContext& context) {
  auto shell = std::make_shared<std::string>("bash");
  auto* command = app.add_subcommand("completion", "Print a shell completion script");
  command->footer("Example: source <(tollgate completion bash)");
  command->add_option("shell", *shell, "The shell")
      ->check(CLI::IsMember({"bash", "zsh", "fish"}))
      ->capture_default_str();
  command->callback([shell, &app, &context] {
    (void)context;
    if (*shell == "fish") {
      fmt::print("{}", fish(app));
    } else {
      if (*shell == "zsh") fmt::print("autoload -U +X bashcompinit && bashcompinit\n");
      fmt::print("{}", bash(app));
    }
  });
}

}  // namespace tollgate
