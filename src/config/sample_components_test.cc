#include "config/sample_components.h"

#include <algorithm>

#include "config/schema.h"

namespace tollgate {

namespace {

template <typename Config, const Schema<Config>& (*schema)()>
void lint_body(const Node& body, ReadContext& context) {
  read(schema(), body, context);
}

template <typename Config, const Schema<Config>& (*schema)()>
ComponentSpec object_spec(ComponentKind kind, std::string_view name) {
  return {.kind = kind,
          .name = name,
          .summary = "A component.",
          .fields = [] { return specs_of(schema()); },
          .lint = lint_body<Config, schema>};
}

template <typename Body>
ComponentSpec value_spec(ComponentKind kind, std::string_view name) {
  return {.kind = kind,
          .name = name,
          .fields =
              [] {
                FieldSpec spec;
                Codec<Body>::describe(spec);
                return std::vector{spec};
              },
          .body_is_field = true,
          .lint =
              [](const Node& body, ReadContext& context) {
                Body value{};
                Codec<Body>::read(body, value, context);
              }};
}

struct Nothing {};
const Schema<Nothing>& nothing_schema() {
  static const Schema<Nothing> fields;
  return fields;
}

struct Generate {
  MappingText mapping;
  std::string interval = "1s";
  int count = 0;
  bool auto_replay_nacks = true;
};
const Schema<Generate>& generate_schema() {
  static const Schema<Generate> fields{
      required("mapping", &Generate::mapping, "What to make."),
      field("interval", &Generate::interval, "How often."),
      field("count", &Generate::count, "How many."),
      field("auto_replay_nacks", &Generate::auto_replay_nacks, "Whether to send again."),
  };
  return fields;
}

struct Log {
  std::string level = "INFO";
  InterpolatedText message;
};
const Schema<Log>& log_schema() {
  static const Schema<Log> fields{
      field("level", &Log::level, "The level.").suggestions({"INFO", "ERROR"}),
      field("message", &Log::message, "What to say."),
  };
  return fields;
}

struct Archive {
  InterpolatedText format;
  std::string path;
};
const Schema<Archive>& archive_schema() {
  static const Schema<Archive> fields{
      required("format", &Archive::format, "The form.").options({"lines", "json_array"}),
      field("path", &Archive::path, "Names of entries."),
  };
  return fields;
}

struct DropOn {
  bool error = false;
  std::optional<std::vector<std::string>> error_patterns;
  std::optional<Duration> back_pressure;
  ChildOutput output;
};
const Schema<DropOn>& drop_on_schema() {
  static const Schema<DropOn> fields{
      field("error", &DropOn::error, "Whether to drop what fails."),
      field("error_patterns", &DropOn::error_patterns, "Which failures."),
      field("back_pressure", &DropOn::back_pressure, "After which time."),
      required("output", &DropOn::output, "The child."),
  };
  return fields;
}

struct Batching {
  int count = 0;
  std::string period;
  std::string own;
  std::vector<ChildProcessor> processors;
};
const Schema<Batching>& batching_schema() {
  static const Schema<Batching> fields{
      field("count", &Batching::count, "Messages."),
      field("period", &Batching::period, "Time."),
      field("own", &Batching::own, "Of no other program.").foreign(),
      field("processors", &Batching::processors, "What is done with a batch.").advanced(),
  };
  return fields;
}

struct OAuth {
  bool enabled = false;
  std::string client_secret;
};
const Schema<OAuth>& oauth_schema() {
  static const Schema<OAuth> fields{
      field("enabled", &OAuth::enabled, "Whether to use it."),
      field("client_secret", &OAuth::client_secret, "The secret.").secret(),
  };
  return fields;
}

struct HttpClient {
  InterpolatedText url;
  std::string verb = "POST";
  std::map<std::string, InterpolatedText> headers;
  Duration timeout = "5s";
  Duration retry_period = "1s";
  Duration max_retry_backoff = "300s";
  int retries = 3;
  int max_in_flight = 64;
  std::vector<int> drop_on;
  bool batch_as_multipart = false;
  OAuth oauth2;
  Batching batching;
  std::string dump_request_log_level;
  bool legacy = false;
};
const Schema<HttpClient>& http_client_schema() {
  using H = HttpClient;
  static const Schema<H> fields{
      required("url", &H::url, "Where to."),
      field("verb", &H::verb, "How."),
      field("headers", &H::headers, "Headers."),
      section("oauth2", &H::oauth2, oauth_schema(), "OAuth.").advanced(),
      field("timeout", &H::timeout, "Time."),
      field("retry_period", &H::retry_period, "Time.").advanced(),
      field("max_retry_backoff", &H::max_retry_backoff, "Time.").advanced(),
      field("retries", &H::retries, "Times.").advanced(),
      field("drop_on", &H::drop_on, "Codes.").advanced(),
      field("dump_request_log_level", &H::dump_request_log_level, "Level.").advanced(),
      field("max_in_flight", &H::max_in_flight, "At a time."),
      field("batch_as_multipart", &H::batch_as_multipart, "Form.").advanced(),
      section("batching", &H::batching, batching_schema(), "Batches."),
      field("legacy", &H::legacy, "Old.").deprecated(),
  };
  return fields;
}

struct Case {
  MappingText check;
  std::vector<ChildProcessor> processors;
  bool fallthrough = false;
};
const Schema<Case>& case_schema() {
  static const Schema<Case> fields{
      field("check", &Case::check, "When."),
      field("processors", &Case::processors, "What."),
      field("fallthrough", &Case::fallthrough, "And on."),
  };
  return fields;
}

ComponentSpec switch_spec() {
  return {.kind = ComponentKind::processor,
          .name = "switch",
          .fields =
              [] {
                return std::vector{FieldSpec{.type = "object",
                                             .shape = FieldSpec::Shape::list,
                                             .children = specs_of(case_schema())}};
              },
          .body_is_field = true,
          .lint =
              [](const Node& body, ReadContext& context) {
                if (!context.expect_list(body)) return;
                for (const Node& item : body.items()) read(case_schema(), item, context);
              }};
}

class SampleCatalogue final : public ComponentCatalogue {
 public:
  const ComponentSpec* find(ComponentKind kind, std::string_view name) const override {
    const auto found = std::ranges::find_if(
        specs_, [&](const auto& spec) { return spec.kind == kind && spec.name == name; });
    return found == specs_.end() ? nullptr : &*found;
  }
  std::vector<const ComponentSpec*> all(ComponentKind kind) const override {
    std::vector<const ComponentSpec*> found;
    for (const auto& spec : specs_) {
      if (spec.kind == kind) found.push_back(&spec);
    }
    std::ranges::sort(found, {}, &ComponentSpec::name);
    return found;
  }

 private:
  using Kind = ComponentKind;
  using ChildProcessors = std::vector<ChildProcessor>;
  using ChildOutputs = std::vector<ChildOutput>;

  const std::vector<ComponentSpec> specs_{
      object_spec<Nothing, nothing_schema>(Kind::input, "stdin"),
      object_spec<Generate, generate_schema>(Kind::input, "generate"),
      value_spec<std::string>(Kind::input, "resource"),
      object_spec<Nothing, nothing_schema>(Kind::buffer, "none"),
      value_spec<MappingText>(Kind::processor, "mapping"),
      value_spec<MappingText>(Kind::processor, "mutation"),
      value_spec<std::string>(Kind::processor, "resource"),
      object_spec<Nothing, nothing_schema>(Kind::processor, "noop"),
      object_spec<Nothing, nothing_schema>(Kind::processor, "metric"),
      object_spec<Log, log_schema>(Kind::processor, "log"),
      object_spec<Archive, archive_schema>(Kind::processor, "archive"),
      value_spec<ChildProcessors>(Kind::processor, "try"),
      value_spec<ChildProcessors>(Kind::processor, "catch"),
      switch_spec(),
      object_spec<Nothing, nothing_schema>(Kind::output, "stdout"),
      object_spec<Nothing, nothing_schema>(Kind::output, "drop"),
      object_spec<DropOn, drop_on_schema>(Kind::output, "drop_on"),
      object_spec<HttpClient, http_client_schema>(Kind::output, "http_client"),
      value_spec<ChildOutputs>(Kind::output, "fallback"),
      object_spec<Nothing, nothing_schema>(Kind::cache, "memory"),
      object_spec<Nothing, nothing_schema>(Kind::metrics, "prometheus"),
      object_spec<Nothing, nothing_schema>(Kind::tracer, "none"),
  };
};

}  // namespace

const ComponentCatalogue& sample_catalogue() {
  static const SampleCatalogue catalogue;
  return catalogue;
}

}  // namespace tollgate
