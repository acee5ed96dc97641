#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "message/transaction.h"

namespace tollgate {

/// What became of one record of an export.
struct RecordOutcome {
  Outcome outcome = Outcome::failed;
  bool refused = false;  ///< the destination refused its content: resending cannot help
  bool settled() const { return outcome != Outcome::failed || refused; }
};

/// Keeps what an ExportTable remembers in a file, for the next process.
///
/// Format: records of u32 size, u32 CRC-32 of what follows, then u8 kind (1 ended, 2 forgotten), two
/// u64 of the key, i64 Unix seconds, and for each of the export's records a byte: the outcome, and 16
/// if it was refused. Little-endian. Written through to the page cache, so a kill -9 loses nothing; a
/// power cut may, which costs a resend that the destination counts once. The first record that is not
/// whole ends the file. Rewritten when it has grown to more than what is alive.
///
/// One thread at a time.
class ExportStore {
 public:
  using Key = std::pair<std::uint64_t, std::uint64_t>;
  using Outcomes = std::vector<RecordOutcome>;
  struct Entry {
    Key key;
    std::int64_t seconds = 0;  ///< Unix time at which it ended
    Outcomes outcomes;
  };

  /// Gives `found` every entry that is younger than `lifetime`, the oldest first.
  static Result<std::unique_ptr<ExportStore>> open(const std::string& path,
                                                   std::chrono::nanoseconds lifetime,
                                                   const std::function<void(Entry)>& found);
  ~ExportStore();

  /// Errors of the disk are not reported: all they can cost is a resend.
  /// `replaces`: the file has outcomes of it already.
  void ended(const Key& key, const Outcomes& outcomes, bool replaces);
  /// `records`: how many outcomes it had.
  void forgotten(const Key& key, std::size_t records);
  /// True when most of the file is dead: call rewrite() with what is alive.
  bool is_bloated() const { return bytes_ > kSlack && dead_ * 2 > bytes_; }
  void rewrite(const std::vector<Entry>& alive);

 private:
  static constexpr std::size_t kSlack = 4 << 20;

  ExportStore(std::string path, int descriptor) : path_(std::move(path)), descriptor_(descriptor) {}
  void append(std::string_view record);

  const std::string path_;
  int descriptor_;
  std::size_t bytes_ = 0;
  std::size_t dead_ = 0;  // bytes that no longer matter, roughly
};

}  // namespace tollgate
