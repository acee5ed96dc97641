// blobl server: a page on which a mapping, a document and what the one makes of the other stand
// side by side.

#include <pthread.h>
#include <signal.h>
#include <spawn.h>

#include <condition_variable>
#include <fstream>
#include <memory>
#include <mutex>
#include <thread>

#include "cli/blobl.h"
#include "cli/common.h"
#include "net/http_server.h"
#include "net/url.h"
#include "value/json.h"

namespace tollgate {

namespace {

using namespace std::chrono_literals;

struct Flags {
  std::string host = "localhost", port = "4195", mapping_file, input_file;
  bool no_open = false, write = false;
};

/// The mapping and the document as last seen by the page. With `write` they are put back into their
/// files every five seconds, and at the end. Any thread.
class Texts {
 public:
  static Result<std::unique_ptr<Texts>> load(const Flags& flags) {
    std::unique_ptr<Texts> texts(new Texts(flags));
    const auto read = [&](const std::string& path, std::string& to) -> Result<> {
      if (path.empty()) return {};
      auto text = read_text_file(path);
      if (text) {
        to = std::move(*text);
      } else if (!flags.write || !text.error().message().ends_with("no such file or directory")) {
        return std::unexpected(std::move(text).error());
      }
      return {};
    };
    TRY(read(flags.input_file, texts->input_));
    TRY(read(flags.mapping_file, texts->mapping_));
    if (flags.write) texts->writer_ = std::thread([t = texts.get()] { t->write_regularly(); });
    return texts;
  }
  ~Texts() {
    {
      std::lock_guard lock(lock_);
      ending_ = true;
    }
    ended_.notify_all();
    if (writer_.joinable()) writer_.join();
  }
  Texts(const Texts&) = delete;

  void update(std::string mapping, std::string input) {
    std::lock_guard lock(lock_);
    changed_ |= mapping != mapping_ || input != input_;
    mapping_ = std::move(mapping);
    input_ = std::move(input);
  }
  std::pair<std::string, std::string> mapping_and_input() {
    std::lock_guard lock(lock_);
    return {mapping_, input_};
  }

 private:
  explicit Texts(const Flags& flags) : flags_(flags) {}

  void write_regularly() {
    std::unique_lock lock(lock_);
    while (!ending_) {
      ended_.wait_for(lock, 5s, [this] { return ending_; });
      if (!std::exchange(changed_, false)) continue;
      write(flags_.input_file, input_);
      write(flags_.mapping_file, mapping_);
    }
  }

  static void write(const std::string& path, const std::string& text) {
    if (path.empty()) return;
    std::ofstream file(path, std::ios::trunc | std::ios::binary);
    file << text;
    file.close();
    if (!file) fmt::print(stderr, "Failed to write {}\n", path);
  }

  const Flags flags_;
  std::thread writer_;
  std::mutex lock_;
  std::condition_variable ended_;
  std::string mapping_ = "root = this";                   // lock_
  std::string input_ = R"({"message":"hello world"})";  // lock_
  bool changed_ = false;                                  // lock_
  bool ending_ = false;                                   // lock_
};

/// Mappings read files and variables: no page of another site may have one run.
bool from_elsewhere(const ServerRequest& request) {
  const std::string* origin = request.header("Origin");
  const std::string* host = request.header("Host");
  if (origin == nullptr || host == nullptr) return false;
  const std::size_t scheme = origin->find("://");
  return scheme == origin->npos || origin->substr(scheme + 3) != *host;
}

ServerResponse execute(Texts& texts, const ServerRequest& request) {
  if (from_elsewhere(request)) {
    return ServerResponse::text(403, "this server answers its own page only\n");
  }
  Arena arena;
  const Value asked = parse_json(request.body, arena, {.allow_trailing = true});
  if (!asked.is(Kind::object)) {
    return ServerResponse::text(400, "expected an object with `mapping` and `input`\n");
  }
  const auto text_of = [&](std::string_view key) {
    const Value* value = asked.as_object().find(key, arena);
    return value != nullptr && value->is_text() ? std::string(value->as_text()) : std::string();
  };
  const std::string source = text_of("mapping");
  const std::string input = text_of("input");
  texts.update(source, input);

  std::string parse_error, mapping_error, result;
  if (const auto mapping = Mapping::compile(source); !mapping) {
    parse_error = "failed to parse mapping: " + mapping.error().with_caret(source) + "\n";
  } else if (auto output = execute_mapping(*mapping, input, {.pretty = true}); !output) {
    mapping_error = output.error().message();
  } else {
    result = std::move(*output);
  }
  std::string body;
  const auto member = [&](std::string_view key, std::string_view text) {
    body += fmt::format("{}\"{}\":", body.empty() ? "{" : ",", key);
    append_json_string(body, text, true);
  };
  member("parse_error", parse_error);
  member("mapping_error", mapping_error);
  member("result", result);
  return ServerResponse::json(200, body + "}");
}

void open_browser(const std::string& url) {
  std::string program = "xdg-open", argument = url;
  char* const arguments[] = {program.data(), argument.data(), nullptr};
  posix_spawn_file_actions_t quiet;
  posix_spawn_file_actions_init(&quiet);
  posix_spawn_file_actions_addopen(&quiet, 1, "/dev/null", 1 /* O_WRONLY */, 0);
  posix_spawn_file_actions_addopen(&quiet, 2, "/dev/null", 1 /* O_WRONLY */, 0);
  pid_t process = 0;  // its end does not matter
  (void)posix_spawnp(&process, program.c_str(), &quiet, nullptr, arguments, environ);
  posix_spawn_file_actions_destroy(&quiet);
}

Result<> serve(const Flags& flags) {
  // Before any thread starts, so that all of them leave the signals to sigwait().
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  ::signal(SIGPIPE, SIG_IGN);

  auto texts = TRY(Texts::load(flags));
  HttpServer::Options options;
  options.address = flags.host + ":" + flags.port;
  options.address_field = "--port";
  HttpServer server(std::move(options));
  TRY(server.handle("/execute", [&](ServerRequest request, Responder responder) {
    responder.respond(execute(*texts, request));
  }));
  TRY(server.handle("/", [&](ServerRequest, Responder responder) {
    const auto [mapping, input] = texts->mapping_and_input();
    ServerResponse page{200, {{"Content-Type", "text/html; charset=utf-8"}},
                        blobl_page(mapping, input), true};
    page.headers.emplace_back("Content-Security-Policy",
                              "default-src 'none'; style-src 'unsafe-inline'; "
                              "script-src 'unsafe-inline'; connect-src 'self'");
    responder.respond(std::move(page));
  }));
  if (auto started = server.start(); !started) {
    return std::unexpected(std::move(started).error().within("failed to listen and serve"));
  }
  const std::string url =
      fmt::format("http://{}", join_host_port(flags.host, server.port()));
  fmt::print(stderr, "Serving at: {}\n", url);
  fmt::print(stderr,
             "Mappings can read files and environment variables: do not expose this server to "
             "others\n");
  if (!flags.no_open) open_browser(url);
  int signal = 0;
  sigwait(&signals, &signal);
  server.stop(200ms);
  return {};
}

}  // namespace

CLI::App* add_blobl_server(CLI::App& blobl, CommandContext& context) {
  auto flags = std::make_shared<Flags>();
  auto* command = blobl.add_subcommand(
      "server", "Serve a page on which to write and try a mapping");
  command->footer(
      "Example: tollgate blobl server --mapping-file map.blobl --input-file event.json --write\n"
      "Mappings can read files and environment variables: do not expose it to others.");
  command->add_option("--host", flags->host, "Name or address to serve on")->capture_default_str();
  command->add_option("-p,--port", flags->port, "Port to serve on")->capture_default_str();
  command->add_flag("-n,--no-open", flags->no_open, "Do not open the page in a browser");
  command->add_option("-m,--mapping-file", flags->mapping_file, "Begin with this file's mapping")
      ->type_name("FILE");
  command->add_option("-i,--input-file", flags->input_file, "Begin with this file's document")
      ->type_name("FILE");
  command->add_flag("-w,--write", flags->write, "Write what is changed on the page into the files");
  command->callback([flags, &context] {
    if (auto served = serve(*flags); !served) context.fail(served.error().message());
  });
  return command;
}

}  // namespace tollgate
