// journal: looks into a journal's directory: what is in it, whether it is sound, what is owed.

#include <cstdio>
#include <memory>

#include "cli/common.h"
#include "journal/report.h"
#include "value/encoding.h"
#include "value/json.h"

namespace tollgate {

namespace {

void print_places(std::FILE* to, const char* kind,
                  const std::vector<JournalReport::Damage>& places) {
  for (const auto& place : places) {
    fmt::print(to, "{}: {}: {} bytes at offset {} ({})\n", kind, place.path, place.bytes,
               place.offset, place.text);
  }
}

void inspect(const JournalReport& report) {
  std::uint64_t bytes = 0, records = 0, messages = 0, settled = 0;
  fmt::print("{:>12} {:>10} {:>10} {:>10}  {:<23} segment\n", "bytes", "records", "messages",
             "settled", "numbers");
  for (const auto& segment : report.segments) {
    fmt::print("{:>12} {:>10} {:>10} {:>10}  {:<23} {}\n", segment.bytes, segment.records,
               segment.messages, segment.settled_records,
               segment.records == 0
                   ? "-"
                   : fmt::format("{}-{}", segment.first_sequence, segment.last_sequence),
               segment.path);
    bytes += segment.bytes;
    records += segment.records;
    messages += segment.messages;
    settled += segment.settled_records;
  }
  fmt::print("{:>12} {:>10} {:>10} {:>10}  in {} segments\n", bytes, records, messages, settled,
             report.segments.size());
  if (report.has_progress) {
    fmt::print("settled up to record {}; the next record is {}\n", report.settled_up_to,
               report.next_sequence);
  } else {
    fmt::print("no saved progress: everything would be delivered\n");
  }
  fmt::print("{} records to deliver, {} damaged places, {} unfinished writes\n", records - settled,
             report.damage.size(), report.unfinished.size());
}

/// {"record":7,"settled":false,"identity":"…","draws":0,"metadata":{…},"error":"…","payload":"…"}
std::string line_of(std::uint64_t sequence, const Message& message, bool settled) {
  std::string line = fmt::format("{{\"record\":{},\"settled\":{}", sequence, settled);
  if (message.identity.is_set()) {
    fmt::format_to(std::back_inserter(line),
                   ",\"identity\":\"{:016x}{:016x}\",\"identity_derived\":{},\"draws\":{}",
                   message.identity.high, message.identity.low, message.identity.derived,
                   message.draws);
  }
  if (message.metadata()) {
    line += ",\"metadata\":";
    Arena scratch;
    if (!append_json(line, Value::object(const_cast<Object*>(message.metadata())), scratch)) {
      line += "null";  // holds what JSON has no form for
    }
  }
  if (message.error()) {
    line += ",\"error\":";
    append_json_string(line, message.error()->text);
  }
  if (valid_utf8(message.bytes())) {
    line += ",\"payload\":";
    append_json_string(line, message.bytes());
  } else {
    line += ",\"payload_base64\":\"";
    append_base64(line, message.bytes());
    line += '"';
  }
  return line + "}\n";
}

struct Replay {
  bool all = false;
  bool payloads = false;
};

Result<JournalReport> replay(const std::string& path, const Replay& options) {
  auto report = TRY(examine_journal(
      posix_file_system(), path,
      [&](std::uint64_t sequence, const Message& message, bool settled) -> Result<> {
        if (settled && !options.all) return {};
        const std::string line = options.payloads ? std::string(message.bytes()) + "\n"
                                                  : line_of(sequence, message, settled);
        if (std::fwrite(line.data(), 1, line.size(), stdout) == line.size()) return {};
        return transient("standard output cannot be written to");
      }));
  print_places(stderr, "damaged", report.damage);
  return report;
}

}  // namespace

void add_journal(CLI::App& app, CommandContext& context) {
  auto* command = app.add_subcommand("journal", "Look into the directory of a journal buffer");
  command->require_subcommand(1);
  command->footer(
      "A journal may be in use while it is looked at: nothing is locked or changed.\n"
      "Examples:\n"
      "  tollgate journal inspect /var/lib/tollgate/journal   how much is in it, how much is owed\n"
      "  tollgate journal verify /var/lib/tollgate/journal    exits with 1 if anything is damaged\n"
      "  tollgate journal replay /var/lib/tollgate/journal    what is owed, as JSON lines\n"
      "  tollgate journal replay --all --payloads 00000000000000000007.segment.damaged\n"
      "To have what is owed delivered, run a configuration whose buffer is this journal: ids are\n"
      "the same as at the first attempt.");
  auto path = std::make_shared<std::string>();
  const auto add = [&](const char* name, const char* help, auto run) {
    auto* sub = command->add_subcommand(name, help);
    sub->add_option("path", *path, "The journal's directory, or one of its segments")
        ->required()
        ->type_name("PATH");
    sub->callback([path, &context, run] {
      auto report = run();
      if (!report) {
        context.fail(report.error().message());
      } else if (!report->damage.empty()) {
        context.exit_code = 1;
      }
    });
    return sub;
  };
  add("inspect", "Print segments, records, bytes and how far it is settled",
      [path]() -> Result<JournalReport> {
        auto report = TRY(examine_journal(posix_file_system(), *path));
        inspect(report);
        report.damage.clear();  // no failure: it was asked what is there
        return report;
      });
  add("verify", "Check every checksum; prints damaged places and exits with 1 if there are any",
      [path]() -> Result<JournalReport> {
        auto report = TRY(examine_journal(posix_file_system(), *path));
        print_places(stdout, "damaged", report.damage);
        print_places(stdout, "unfinished", report.unfinished);
        if (report.damage.empty()) fmt::print("sound\n");
        return report;
      })
      ->footer("An unfinished write is no damage: it was cut short by the end of a process, and "
               "its sender was told nothing.");
  auto options = std::make_shared<Replay>();
  auto* sub = add("replay",
                  "Print what is still to be delivered as JSON lines, with each message's identity",
                  [path, options] { return replay(*path, *options); });
  sub->add_flag("--all", options->all, "Print what was delivered too, while its file is there");
  sub->add_flag("--payloads", options->payloads, "Print the payloads alone, a line each");
}

}  // namespace tollgate
