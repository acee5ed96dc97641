#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "component/component.h"
#include "message/message.h"

namespace tollgate {

/// Transforms batches. One instance is owned by one worker thread and needs no locks; state that a
/// configuration node declares is built once and shared by the node's instances.
///
/// Lifecycle: made by a ProcessorFactory, then process() any number of times, then destroyed.
class Processor {
 public:
  virtual ~Processor() = default;

  /// Consumes `batch` and appends what continues to `out` (nothing, one batch, or several).
  ///
  /// A message that cannot be processed stays in its batch, flagged with set_error(). A message
  /// that is removed on purpose has its receipt resolved as filtered (or as the rule says) first;
  /// one that is copied shares its receipt; several made one merge theirs.
  /// An error means that the whole batch could not be handled and was lost sight of: the processor
  /// must have failed all its receipts before returning one (shutdown only).
  virtual Result<> process(Batch batch, std::vector<Batch>& out) = 0;

  /// Says, before the first batch, that of what process() gives only bytes and metadata will be
  /// read: documents need not be kept.
  virtual void expect_bytes_alone() {}
};

/// Makes one instance for each worker of what one configuration node describes.
using ProcessorFactory = std::function<std::unique_ptr<Processor>()>;
using ProcessorType = ComponentType<ProcessorFactory>;

/// For processors that treat each message alone: transform() edits it in place, or says that it is
/// to be removed.
class MessageProcessor : public Processor {
 public:
  Result<> process(Batch batch, std::vector<Batch>& out) final;

 protected:
  enum class Verdict : unsigned char { keep, remove };
  /// An error flags the message and leaves it in the batch.
  virtual Result<Verdict> transform(Batch& batch, std::size_t index) = 0;
};

/// Runs the processors of a list one after another over everything that the one before gave.
class ProcessorChain {
 public:
  ProcessorChain() = default;
  explicit ProcessorChain(const std::vector<ProcessorFactory>& factories);
  bool empty() const { return processors_.empty(); }
  /// Processor::expect_bytes_alone() of what the last one gives.
  void expect_bytes_alone();
  Result<> process(Batch batch, std::vector<Batch>& out);

 private:
  std::vector<std::unique_ptr<Processor>> processors_;
};

}  // namespace tollgate
