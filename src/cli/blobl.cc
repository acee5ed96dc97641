// blobl: runs a mapping on documents of standard input or a file, one a line.

#include <fcntl.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "cli/blobl.h"
#include "cli/common.h"
#include "config/interpolate.h"

namespace tollgate {

namespace {

struct Flags {
  std::string mapping, file, input;
  std::vector<std::string> rest, env_files;
  int threads = 1;
  MappingExecution execution;
  std::size_t max_token_length = 65536;
};

/// Lines of a file descriptor, for many threads.
class LineReader {
 public:
  LineReader(int fd, std::size_t longest) : fd_(fd), longest_(longest) {}

  /// The next line without its end; nothing at the end of the data or after an error.
  std::optional<std::string> next() {
    std::lock_guard lock(lock_);
    while (error_.empty()) {
      const auto end = buffer_.find('\n', at_);
      if (end != std::string::npos) {
        if (end - at_ >= longest_) return too_long();
        std::string line = buffer_.substr(at_, end - at_);
        at_ = end + 1;
        if (!line.empty() && line.back() == '\r') line.pop_back();
        return line;
      }
      buffer_.erase(0, std::exchange(at_, 0));
      if (buffer_.size() >= longest_) return too_long();
      char chunk[65536];
      const auto got = ::read(fd_, chunk, sizeof chunk);
      if (got < 0) {
        error_ = std::strerror(errno);
      } else if (got > 0) {
        buffer_.append(chunk, static_cast<std::size_t>(got));
      } else if (buffer_.empty()) {
        return std::nullopt;
      } else {
        return std::exchange(buffer_, {});
      }
    }
    return std::nullopt;
  }

  const std::string& error() const { return error_; }

 private:
  std::optional<std::string> too_long() {
    error_ = "bufio.Scanner: token too long";
    return std::nullopt;
  }

  const int fd_;
  const std::size_t longest_;
  std::mutex lock_;
  std::string buffer_, error_;
  std::size_t at_ = 0;
};

Result<std::string> with_environment(std::string_view mapping) {
  auto replaced = TRY(replace_variables(mapping, process_environment));
  if (replaced.missing.empty()) return std::move(replaced.text);
  return invalid(fmt::format("required environment variables were not set: [{}]",
                             fmt::join(replaced.missing, " ")));
}

int run(Flags& flags) {
  const auto fail = [](const std::string& text) {
    fmt::print(stderr, "{}\n", text);
    return 1;
  };
  if (auto applied = apply_env_files(flags.env_files); !applied) {
    return fail(std::string(applied.error().message()));
  }
  CompileOptions options;
  if (!flags.file.empty()) {
    if (!flags.mapping.empty()) {
      return fail("invalid flags, unable to execute both a file mapping and an inline mapping");
    }
    auto text = read_text_file(flags.file);
    if (!text) return fail("failed to read mapping file: " + std::string(text.error().message()));
    flags.mapping = std::move(*text);
    options.import_directory = std::filesystem::path(flags.file).parent_path();
  }
  const auto source = with_environment(flags.mapping);
  if (!source) return fail("failed to replace env vars: " + std::string(source.error().message()));
  const auto mapping = Mapping::compile(*source, options);
  if (!mapping) return fail("failed to parse mapping: " + mapping.error().with_caret(*source));

  int fd = STDIN_FILENO;
  if (!flags.input.empty()) {
    fd = open(flags.input.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
      std::string reason = std::strerror(errno);
      for (char& c : reason) c = static_cast<char>(std::tolower(c));
      return fail(fmt::format("failed to open input file: open {}: {}", flags.input, reason));
    }
  }
  LineReader lines(fd, flags.max_token_length);
  std::mutex printing;
  const auto work = [&] {
    while (const auto line = lines.next()) {
      const auto text = execute_mapping(*mapping, *line, flags.execution);
      std::lock_guard lock(printing);
      if (text) {
        fmt::print("{}\n", *text);
      } else {
        std::fflush(stdout);
        fmt::print(stderr, "failed to execute map: {}\n", text.error().message());
      }
    }
  };
  {
    std::vector<std::jthread> threads;
    for (int i = 1; i < flags.threads; ++i) threads.emplace_back(work);
    work();
  }
  std::fflush(stdout);
  return lines.error().empty() ? 0 : fail(lines.error());
}

}  // namespace

void add_blobl(CLI::App& app, CommandContext& context) {
  auto flags = std::make_shared<Flags>();
  auto* command = app.add_subcommand("blobl", "Run a Bloblang mapping on documents, one a line");
  command->footer("Example: echo '{\"name\":\"ada\"}' | tollgate blobl 'root = this.name.uppercase()'");
  command->add_option("mapping", flags->mapping, "The mapping")->type_name("MAPPING");
  command->add_option("rest", flags->rest)->group("");
  command->add_option("-f,--file", flags->file, "Read the mapping from a file")->type_name("FILE");
  command->add_option("-i,--input", flags->input, "Read documents from a file, not standard input")
      ->type_name("FILE");
  command->add_option("-t,--threads", flags->threads, "Threads; more than one lose the order")
      ->capture_default_str();
  command->add_flag("-r,--raw", flags->execution.raw, "`this` is the line as a string, not its JSON");
  command->add_flag("-p,--pretty", flags->execution.pretty, "Indent structured results");
  command->add_option("--max-token-length", flags->max_token_length, "The longest line in bytes")
      ->capture_default_str();
  add_list_option(*command, "-e,--env-file", flags->env_files,
                  "Read environment variables from files");
  const auto* server = add_blobl_server(*command, context);
  command->callback([=, &context] {
    if (!command->got_subcommand(server)) context.exit_code = run(*flags);
  });
}

}  // namespace tollgate
