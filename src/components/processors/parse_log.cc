// parse_log: makes documents of syslog lines.

#include <charconv>
#include <chrono>
#include <memory>

#include <fmt/format.h>

#include "component/build_context.h"
#include "component/processor.h"
#include "components/formats/syslog.h"

namespace tollgate {
namespace {

// Configuration -----------------------------------------------------------------------------------

struct Config {
  std::string format;
  bool best_effort = true;
  bool allow_rfc3339 = true;
  std::string default_year = "current";
  std::string default_timezone = "UTC";
  std::optional<std::string> codec;
};

const Schema<Config>& schema() {
  static const Schema<Config> fields{
      required("format", &Config::format, "What the lines are.")
          .options({"syslog_rfc5424", "syslog_rfc3164"}),
      field("best_effort", &Config::best_effort,
            "Accepted for the incumbent's sake: a line that cannot be read is flagged either way.")
          .advanced(),
      field("allow_rfc3339", &Config::allow_rfc3339,
            "RFC 3164: whether a timestamp may be one of RFC 3339.")
          .advanced(),
      field("default_year", &Config::default_year,
            "RFC 3164: the year of timestamps: `current`, a number, or empty for the year 0.")
          .advanced(),
      field("default_timezone", &Config::default_timezone,
            "RFC 3164: the zone that timestamps are shown in.")
          .advanced(),
      field("codec", &Config::codec, "Without effect.").deprecated(),
  };
  return fields;
}

// Implementation ----------------------------------------------------------------------------------

int current_year() {
  const auto today = std::chrono::floor<std::chrono::days>(std::chrono::system_clock::now());
  return static_cast<int>(std::chrono::year_month_day(today).year());
}

Value document_of(const SyslogMessage& line, Arena& arena) {
  Object* made = make_object(arena, 12);
  const auto text = [&](std::string_view key, std::string_view value) {
    if (!value.empty()) made->set(key, Value::string(arena.copy(value)), arena);
  };
  text("appname", line.appname);
  made->set("facility", Value::int64(line.facility()), arena);
  text("hostname", line.hostname);
  text("message", line.message);
  text("msgid", line.msgid);
  made->set("priority", Value::int64(line.priority), arena);
  text("procid", line.procid);
  made->set("severity", Value::int64(line.severity()), arena);
  if (line.structured) {
    Object* elements = make_object(arena, static_cast<std::uint32_t>(line.structured->size()));
    for (const SyslogMessage::Element& element : *line.structured) {
      Object* values =
          make_object(arena, static_cast<std::uint32_t>(element.parameters.size()));
      for (const auto& [name, value] : element.parameters) {
        values->set(arena.copy(name), Value::string(arena.copy(value)), arena);
      }
      elements->set(arena.copy(element.id), Value::object(values), arena);
    }
    made->set("structureddata", Value::object(elements), arena);
  }
  if (line.timestamp) {
    std::string shown;
    append_rfc3339(shown, *line.timestamp);
    text("timestamp", shown);
  }
  if (line.version != 0) made->set("version", Value::int64(line.version), arena);
  return Value::object(made);
}

class ParseLog final : public MessageProcessor {
 public:
  struct Options {
    std::string format;
    SyslogOptions syslog;
    bool current_year = false;
  };

  ParseLog(Options options, Logger logger)
      : options_(std::move(options)), logger_(std::move(logger)) {}

 private:
  Result<Verdict> transform(Batch& batch, std::size_t index) override {
    const std::string_view line = batch[index].bytes();
    SyslogOptions syslog = options_.syslog;
    if (options_.current_year) syslog.year = current_year();
    const auto parsed = options_.format == "syslog_rfc5424" ? parse_syslog_5424(line)
                                                            : parse_syslog_3164(line, syslog);
    if (!parsed) {
      logger_.debug("Failed to parse message as {}: {}", options_.format,
                    parsed.error().message());
      return std::unexpected(parsed.error());
    }
    batch[index].set_document(document_of(*parsed, batch.arena()));
    return Verdict::keep;
  }

  const Options options_;
  const Logger logger_;
};

Result<ProcessorFactory> make(Config config, BuildContext& context) {
  ParseLog::Options options{config.format, {.allow_rfc3339 = config.allow_rfc3339}};
  const std::string& year = config.default_year;
  if (year == "current") {
    options.current_year = true;
  } else if (!year.empty()) {
    const auto [end, fault] =
        std::from_chars(year.data(), year.data() + year.size(), options.syslog.year);
    if (fault != std::errc{} || end != year.data() + year.size()) {
      return invalid(fmt::format("default_year: expected `current`, a year or nothing, got {}",
                                 year));
    }
  }
  if (!config.default_timezone.empty()) {
    options.syslog.zone = Zone::find(config.default_timezone);
    if (!options.syslog.zone) {
      return invalid("default_timezone: no such time zone: " + config.default_timezone);
    }
  }
  return [options = std::move(options), logger = context.logger()] {
    return std::make_unique<ParseLog>(options, logger);
  };
}

}  // namespace

// Registration ------------------------------------------------------------------------------------

extern constinit const ProcessorType parse_log_processor;
constinit const ProcessorType parse_log_processor = component_type<schema, make>({
    .name = "parse_log",
    .categories = "Parsing",
    .summary = "Makes a document of each syslog line.",
    .description = R"md(
Members, where the line has them: `appname`, `facility`, `hostname`, `message`, `msgid`, `priority`,
`procid`, `severity`, `structureddata`, `timestamp` and, for RFC 5424, `version`. A line that cannot
be read is flagged, with the column, and stays as it was.
)md",
});

}  // namespace tollgate
