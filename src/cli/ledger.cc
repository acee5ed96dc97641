// ledger: prints how the records that a collector received ended.

#include "cli/common.h"
#include "cli/service.h"
#include "net/http_client.h"
#include "observe/ledger.h"
#include "value/json.h"

namespace tollgate {

namespace {

constexpr auto kTimeout = std::chrono::seconds(5);

Result<Ledger::Totals> fetch_ledger(const std::string& address) {
  HttpRequest request;
  request.url = address;
  while (request.url.ends_with('/')) request.url.pop_back();
  request.url += "/ledger";
  request.timeout = kTimeout;
  HttpClient client;
  const HttpResponse response = TRY(client.fetch(std::move(request)));
  if (response.status != 200) {
    return invalid(fmt::format("{}/ledger answers {}", address, response.status_line()));
  }
  Arena arena;
  const Value parsed = parse_json(response.body, arena);
  if (!parsed.is(Kind::object)) {
    return invalid(fmt::format("{}/ledger answers with something else than a ledger", address));
  }
  const auto term = [&](std::string_view name) {
    const Value* value = parsed.as_object().find(name, arena);
    return value && value->is(Kind::int64) ? value->as_int64() : 0;
  };
  Ledger::Totals totals;
  totals.received = static_cast<std::uint64_t>(term("received"));
  for (const auto& [outcome, name] : kOutcomeNames) {
    totals.by_outcome[static_cast<std::size_t>(outcome)] = static_cast<std::uint64_t>(term(name));
  }
  totals.pending = term("pending");
  return totals;
}

void print(const Ledger::Totals& totals) {
  const auto line = [](std::string_view sign, std::string_view name, auto count) {
    fmt::print("{} {:<14}{:>16}\n", sign, name, count);
  };
  line(" ", "received", totals.received);
  std::string_view sign = "=";
  for (const auto& [outcome, name] : kOutcomeNames) {
    line(std::exchange(sign, "+"), name, totals.by_outcome[static_cast<std::size_t>(outcome)]);
  }
  line(sign, "pending", totals.pending);
  fmt::print("{}\n", totals.balanced() ? "balanced" : "DOES NOT BALANCE: this is a bug");
}

}  // namespace

void add_ledger(CLI::App& app, CommandContext& context) {
  auto* command = app.add_subcommand(
      "ledger", "Print how the records that a collector received ended; fails if it does not balance");
  auto address = std::make_shared<std::string>("http://localhost:4195");
  auto state_dir = std::make_shared<std::string>();
  auto json = std::make_shared<bool>(false);
  command->add_option("url", *address, "Where a running collector listens")
      ->capture_default_str()
      ->type_name("URL");
  command->add_option("--state-dir", *state_dir, "Read it from this directory instead")
      ->type_name("DIR");
  command->add_flag("--json", *json, "Print it as a JSON object");
  command->callback([=, &context] {
    const auto totals =
        state_dir->empty() ? fetch_ledger(*address) : Ledger::read(ledger_file(*state_dir));
    if (!totals) return context.fail(totals.error().message());
    if (*json) {
      fmt::print("{}\n", Ledger::to_json(*totals));
    } else {
      print(*totals);
    }
    if (!totals->balanced()) context.exit_code = 1;
  });
}

}  // namespace tollgate
