#pragma once

#include <functional>
#include <vector>

#include "components/processors/support.h"

namespace tollgate {

/// One instance's child processors, several times over, to run messages of a batch at once.
///
/// Each message gets a memory of its own while it is away, since memories belong to one thread at a
/// time. Threads live as long as a call of run().
class ParallelChildren {
 public:
  /// What is done with one message, on one of the threads.
  using Task = std::function<Result<>(ChildList& children, Batch one, Batch& out)>;

  /// `cap` is the most threads; 0 or less: as many as messages, up to kMaxThreads.
  ParallelChildren(std::vector<ProcessorFactory> factories, std::int64_t cap)
      : factories_(std::move(factories)), cap_(cap) {}

  /// Runs `task` for every message and appends the results, in the order of the messages, as one
  /// batch.
  Result<> run(Batch batch, std::vector<Batch>& out, const Task& task);

 private:
  static constexpr std::size_t kMaxThreads = 64;
  const std::vector<ProcessorFactory> factories_;
  const std::int64_t cap_;
  std::vector<ChildList> lists_;  // one a thread, made when first needed
};

}  // namespace tollgate
