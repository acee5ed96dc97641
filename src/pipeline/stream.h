#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "component/input.h"
#include "component/output.h"
#include "component/processor.h"
#include "component/resource.h"
#include "config/node.h"
#include "pipeline/builder.h"
#include "pipeline/environment.h"
#include "runtime/work_queue.h"

namespace tollgate {

/// The parts of a stream as configured; `root.input`, `root.buffer` …
struct StreamConfig {
  Node input, buffer, output;
  std::int64_t threads = -1;  ///< pipeline.threads; below 1: one a processor
  std::vector<Node> processors;
};

/// input → buffer → processors → output: one graph, run by its own worker threads.
///
/// The life of a batch: an input submits a delivery; a worker opens it (decodes), opens its
/// transaction, runs input processors, pipeline processors, and hands it to the output, whose ack
/// settles the transaction; that tells the input. With a buffer, intake workers do the first half
/// and the buffer answers the input; pipeline workers take from the buffer.
///
/// Lifecycle: build(), start(), then stop() once.
class Stream {
 public:
  static Result<std::unique_ptr<Stream>> build(Environment& environment, Resources& resources,
                                               const StreamConfig& config);
  ~Stream();

  /// `ended` runs once, on any thread, if the input ended and everything it gave is settled.
  Result<> start(std::function<void()> ended);

  /// Stops taking, lets what is under way finish until `deadline`, answers the rest as cancelled.
  /// True if nothing had to be abandoned.
  bool stop(std::chrono::steady_clock::time_point deadline);

  bool input_connected() const;
  bool output_connected() const;

 private:
  class Front;   // what the input submits to
  class Middle;  // what the buffer submits to

  Stream(Environment& environment);
  void open_delivery(Delivery delivery, bool counted,
                     const std::function<void(Batch)>& continue_with);
  void run_pipeline(std::size_t worker, Batch batch);
  void finish_if_exhausted();

  Environment& environment_;
  std::unique_ptr<Input> input_;
  std::unique_ptr<Buffer> buffer_;  // null: none
  std::unique_ptr<Output> output_;
  std::vector<ProcessorChain> chains_;  // one a pipeline worker

  std::unique_ptr<Front> front_;
  std::unique_ptr<Middle> middle_;
  std::unique_ptr<WorkQueue<Delivery>> intake_workers_;  // only with a buffer
  std::unique_ptr<WorkQueue<Delivery>> pipeline_workers_;

  std::atomic<bool> closed_{false};     // no new deliveries
  std::atomic<bool> abandoned_{false};  // the deadline passed: no waiting for room any more
  std::atomic<bool> exhausted_{false};
  std::function<void()> ended_;
};

}  // namespace tollgate
