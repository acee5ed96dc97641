#include "sandbox/sqlite.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <unistd.h>

#include <cmath>
#include <new>

#include "value/civil.h"
#include "value/number.h"

namespace tollgate {

namespace {

constexpr std::int64_t us_per_second = 1'000'000;

std::int64_t floor_to(std::int64_t value, std::int64_t step) {
  const auto rest = value % step;
  return value - (rest < 0 ? rest + step : rest);
}

/// Full and read-only disks, locks: what another attempt may get past.
std::unexpected<Error> failure(sqlite3* database, std::string_view doing) {
  return transient(fmt::format("{}: {}", doing, sqlite3_errmsg(database)));
}

void meter_number(sqlite3_context* context, int, sqlite3_value** arguments) {
  switch (sqlite3_value_type(arguments[0])) {
    case SQLITE_INTEGER:
    case SQLITE_FLOAT:
      return sqlite3_result_double(context, sqlite3_value_double(arguments[0]));
    case SQLITE_TEXT: {
      const auto* bytes = sqlite3_value_text(arguments[0]);
      const auto size = static_cast<std::size_t>(sqlite3_value_bytes(arguments[0]));
      const auto number = parse_float({reinterpret_cast<const char*>(bytes), size});
      if (number && std::isfinite(*number)) return sqlite3_result_double(context, *number);
      return sqlite3_result_null(context);
    }
    default: return sqlite3_result_null(context);
  }
}

/// A sum with the error of its roundings (Neumaier's). SQLite zeroes the memory of an aggregate and
/// aligns it to 8 bytes; `started` tells a sum of nothing, which is null.
struct Sum {
  double total;
  double lost;
  bool started;
};

void sum_step(sqlite3_context* context, int, sqlite3_value** arguments) {
  if (sqlite3_value_type(arguments[0]) == SQLITE_NULL) return;
  auto* sum = static_cast<Sum*>(sqlite3_aggregate_context(context, sizeof(Sum)));
  if (sum == nullptr) return sqlite3_result_error_nomem(context);
  const double value = sqlite3_value_double(arguments[0]);
  const double next = sum->total + value;
  const bool larger = std::abs(sum->total) >= std::abs(value);
  sum->lost += larger ? (sum->total - next) + value : (value - next) + sum->total;
  sum->total = next;
  sum->started = true;
}

void sum_final(sqlite3_context* context) {
  const auto* sum = static_cast<Sum*>(sqlite3_aggregate_context(context, 0));
  if (sum == nullptr || !sum->started) return sqlite3_result_null(context);
  const double corrected = sum->total + sum->lost;
  // Beyond the range of a double the correction is not a number.
  sqlite3_result_double(context, std::isfinite(corrected) ? corrected : sum->total);
}

void window_start_function(sqlite3_context* context, int, sqlite3_value** arguments) {
  const auto size = static_cast<WindowSize>(sqlite3_value_int(arguments[1]));
  sqlite3_result_int64(context, window_start(sqlite3_value_int64(arguments[0]), size));
}

bool add_functions(sqlite3* database) {
  constexpr int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC;
  return sqlite3_create_function(database, "meter_number", 1, flags, nullptr, meter_number, nullptr,
                                 nullptr) == SQLITE_OK &&
         sqlite3_create_function(database, "exact_sum", 1, flags, nullptr, nullptr, sum_step,
                                 sum_final) == SQLITE_OK &&
         sqlite3_create_function(database, "window_start", 2, flags, nullptr, window_start_function,
                                 nullptr, nullptr) == SQLITE_OK;
}

}  // namespace

std::int64_t window_start(std::int64_t time_us, WindowSize size) {
  switch (size) {
    case WindowSize::none: return time_us;
    case WindowSize::minute: return floor_to(time_us, 60 * us_per_second);
    case WindowSize::hour: return floor_to(time_us, 3600 * us_per_second);
    case WindowSize::day: return floor_to(time_us, 86400 * us_per_second);
    case WindowSize::month: {
      const auto second = floor_to(time_us, us_per_second) / us_per_second;
      const CivilDate date = civil_from_days(day_of(second));
      return days_from_civil(date.year, date.month, 1) * 86400 * us_per_second;
    }
  }
  return time_us;
}

std::int64_t window_end(std::int64_t start_us, WindowSize size) {
  switch (size) {
    case WindowSize::none: return start_us;
    case WindowSize::minute: return start_us + 60 * us_per_second;
    case WindowSize::hour: return start_us + 3600 * us_per_second;
    case WindowSize::day: return start_us + 86400 * us_per_second;
    case WindowSize::month: return window_start(start_us + 32 * 86400 * us_per_second, size);
  }
  return start_us;
}

void SqlStatement::Finalize::operator()(sqlite3_stmt* statement) const {
  sqlite3_finalize(statement);
}

void SqlStatement::bind(int index, std::string_view text) {
  // A null pointer would bind null.
  sqlite3_bind_text64(statement_.get(), index, text.data() == nullptr ? "" : text.data(),
                      text.size(), SQLITE_STATIC, SQLITE_UTF8);
}

void SqlStatement::bind(int index, std::int64_t number) {
  sqlite3_bind_int64(statement_.get(), index, number);
}

Result<bool> SqlStatement::step() {
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return failure(sqlite3_db_handle(statement_.get()), "database");
}

Result<> SqlStatement::run() {
  while (true) {
    const auto more = step();
    if (!more) {
      reset();
      return std::unexpected(more.error());
    }
    if (!*more) break;
  }
  reset();
  return {};
}

void SqlStatement::reset() { sqlite3_reset(statement_.get()); }

std::string_view SqlStatement::text(int column) const {
  const auto* bytes = sqlite3_column_text(statement_.get(), column);
  if (bytes == nullptr) return {};
  return {reinterpret_cast<const char*>(bytes),
          static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column))};
}

std::int64_t SqlStatement::integer(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

double SqlStatement::number(int column) const {
  return sqlite3_column_double(statement_.get(), column);
}

bool SqlStatement::is_null(int column) const {
  return sqlite3_column_type(statement_.get(), column) == SQLITE_NULL;
}

void SqlDatabase::Close::operator()(sqlite3* database) const { sqlite3_close_v2(database); }

Result<SqlDatabase> SqlDatabase::open(const std::string& path) {
  // SQLite would make the file for everybody to read.
  if (const int made = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600); made >= 0) {
    ::close(made);
  }
  sqlite3* handle = nullptr;
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
  const int code = sqlite3_open_v2(path.c_str(), &handle, flags, nullptr);
  SqlDatabase database(handle);
  if (code != SQLITE_OK) {
    return invalid(fmt::format("{}: {}", path, handle ? sqlite3_errmsg(handle) : "out of memory"));
  }
  sqlite3_busy_timeout(handle, 10'000);
  if (!add_functions(handle)) return failure(handle, path);
  if (auto set = database.execute("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
                                  "PRAGMA cache_size=-65536; PRAGMA temp_store=MEMORY;");
      !set) {
    return std::unexpected(std::move(set.error()).within(path));
  }
  return database;
}

Result<> SqlDatabase::execute(const char* statements) {
  if (sqlite3_exec(database_.get(), statements, nullptr, nullptr, nullptr) == SQLITE_OK) return {};
  return failure(database_.get(), "database");
}

Result<SqlStatement> SqlDatabase::prepare(std::string_view statement) {
  sqlite3_stmt* prepared = nullptr;
  if (sqlite3_prepare_v3(database_.get(), statement.data(), static_cast<int>(statement.size()),
                         SQLITE_PREPARE_PERSISTENT, &prepared, nullptr) != SQLITE_OK) {
    return failure(database_.get(), "database");
  }
  return SqlStatement(prepared);
}

int SqlDatabase::changes() const { return sqlite3_changes(database_.get()); }

}  // namespace tollgate
