#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "component/build_context.h"
#include "component/processor.h"

/// What several processors share.
namespace tollgate {

/// Names a component as the source of failures, for `error_source_name()` and its kin. Only some
/// processors that treat whole batches name themselves.
class ErrorSource {
 public:
  explicit ErrorSource(const BuildContext& context)
      : name_(context.type()), label_(context.label()), path_(context.path()) {
    constexpr std::string_view kRoot = "root.";  // not part of the path that mappings see
    if (path_.starts_with(kRoot)) path_.erase(0, kRoot.size());
  }

  void flag(Message& message, std::string_view text) const {
    message.set_error({.text = text,
                       .source_name = name_,
                       .source_label = label_,
                       .source_path = path_,
                       .has_source = true});
  }

 private:
  std::string name_, label_, path_;
};

/// Moves the messages of `from` to the end of `into`; those of another memory are copied over.
void append(Batch& into, Batch from);

/// Takes message `index` out of its batch, into a batch of its own in the same memory.
Batch take_one(Batch& batch, std::size_t index);

/// The identity of a copy of `message` that lives beside it, different from that of any other copy.
inline Identity spawn(Message& message) {
  // Children of unarchived messages count from 0 and copies from here, by the ids drawn so far.
  return message.identity.child(0x80000000u + message.draws++);
}

/// Resolves `message`'s share as `outcome`, if it has one.
inline void settle(Message& message, Outcome outcome = Outcome::filtered) {
  if (message.receipt) message.receipt.resolve(outcome);
}

/// One instance's child processors, run on a message at a time or on a batch.
class ChildList {
 public:
  enum class Stop : unsigned char {
    never,       ///< every child sees every batch
    at_failure,  ///< a batch whose first message is flagged skips the children that are left
  };

  explicit ChildList(const std::vector<ProcessorFactory>& factories);
  bool empty() const { return processors_.empty(); }

  /// Appends what the children make of `batch` to `out`. On an error all receipts of `batch` were
  /// failed; `out` is as it was.
  Result<> run(Batch batch, std::vector<Batch>& out, Stop stop = Stop::never);

  /// The same, results joined into one batch.
  Result<> run(Batch batch, Batch& out, Stop stop = Stop::never);

  /// Runs the children on each message alone and joins the results into one batch, appended to
  /// `out` unless it is empty.
  Result<> run_each(Batch batch, std::vector<Batch>& out, Stop stop = Stop::never);

 private:
  std::vector<std::unique_ptr<Processor>> processors_;
  std::vector<Batch> results_;  // of run() for one batch; kept for its memory
};

}  // namespace tollgate
