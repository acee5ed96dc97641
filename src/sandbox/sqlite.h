#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace tollgate {

/// A prepared statement. Bound text must live until the next reset().
class SqlStatement {
 public:
  SqlStatement() = default;
  explicit SqlStatement(sqlite3_stmt* statement) : statement_(statement) {}

  void bind(int index, std::string_view text);
  void bind(int index, std::int64_t number);
  /// True while there is a row.
  Result<bool> step();
  /// step() to the end, then reset().
  Result<> run();
  void reset();

  std::string_view text(int column) const;  ///< valid until the next step()
  std::int64_t integer(int column) const;
  double number(int column) const;
  bool is_null(int column) const;

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

/// A connection to a SQLite database in WAL mode with synchronous=FULL. One thread at a time.
///
/// Its SQL functions beside SQLite's own: `meter_number(x)` is x as a float if it is a number or
/// the text of one, else null; `exact_sum(x)` adds without piling up rounding errors;
/// `window_start(us, size)` is the start of the MINUTE (1), HOUR (2), DAY (3) or MONTH (4) that an
/// instant is in.
class SqlDatabase {
 public:
  static Result<SqlDatabase> open(const std::string& path);

  Result<> execute(const char* statements);
  Result<SqlStatement> prepare(std::string_view statement);
  /// Rows that the last statement changed.
  int changes() const;

 private:
  struct Close {
    void operator()(sqlite3* database) const;
  };
  explicit SqlDatabase(sqlite3* database) : database_(database) {}
  std::unique_ptr<sqlite3, Close> database_;
};

enum class WindowSize : unsigned char { none, minute, hour, day, month };

/// The start of the window that contains an instant, in UTC.
std::int64_t window_start(std::int64_t time_us, WindowSize size);
/// The end of the window that starts at `start_us`.
std::int64_t window_end(std::int64_t start_us, WindowSize size);

}  // namespace tollgate
