#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace tollgate {

struct CsvOptions {
  char32_t delimiter = U',';
  /// Tolerate a quote in a bare field, and one that does not end its quoted field.
  bool lazy_quotes = false;
};

/// Reads RFC 4180 records from a stream that comes in pieces, with the rules and errors of Go's
/// encoding/csv: empty lines are skipped, \r\n counts as \n, and all records have as many fields as
/// the first.
///
/// One thread. Holds the bytes of the record being read.
class CsvReader {
 public:
  explicit CsvReader(CsvOptions options);

  void feed(std::string_view bytes);
  void finish() { finished_ = true; }

  /// Reads the next record. False: it is not whole yet, or there are no more after finish().
  /// After an error next() goes on with the following record.
  Result<bool> next();
  const std::vector<std::string>& record() const { return record_; }

 private:
  enum class Line : std::uint8_t { whole, partial, none };

  Line read_line(std::string_view& line);
  Result<bool> read_quoted(std::string_view& line, std::string& field, std::size_t& column,
                           bool& more);
  std::unexpected<Error> fault(std::size_t column, std::string_view what) const;
  bool take_delimiter(std::string_view& text) const;

  const CsvOptions options_;
  std::string delimiter_;  // UTF-8
  std::string buffer_;
  std::size_t at_ = 0;     // in buffer_: where the next line starts
  int line_ = 0;           // of the line read last
  int first_line_ = 0;     // of the record
  std::size_t fields_ = 0;  // in each record; 0: not known yet
  bool finished_ = false;
  std::string line_buffer_;  // a line whose \r\n was replaced
  std::vector<std::string> record_;
};

}  // namespace tollgate
