#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "component/output.h"

namespace tollgate {

// For outputs that stand before others and put several results together.

/// One status for each message of a batch. Of several for the same message the worst counts, by the
/// order of Outcome.
class StatusTable {
 public:
  explicit StatusTable(std::size_t messages) : statuses_(messages) {}

  void worsen(std::uint32_t message, const WriteStatus& status);
  void replace(std::uint32_t message, WriteStatus status);
  /// Takes a result over the messages that `indexes` names (of the table), in order.
  void worsen(const std::vector<std::uint32_t>& indexes, const WriteResult& result);
  WriteResult finish() &&;

 private:
  std::vector<std::optional<WriteStatus>> statuses_;  // nothing: delivered
};

std::vector<std::uint32_t> all_indexes(std::size_t messages);
/// subset(), or `batch` itself if `indexes` names all of it.
SharedBatch part_of(const SharedBatch& batch, const std::vector<std::uint32_t>& indexes);

/// Which of `indexes` failed, `result` being about them in order.
std::vector<std::uint32_t> failed_of(const std::vector<std::uint32_t>& indexes,
                                     const WriteResult& result);

/// An output with one child, passing on everything but writes.
class WrappedOutput : public Output {
 public:
  explicit WrappedOutput(std::unique_ptr<Output> child) : child_(std::move(child)) {}
  Result<> start() override { return child_->start(); }
  bool saturated() const override { return child_->saturated(); }
  bool connected() const override { return child_->connected(); }
  bool reads_bytes_alone() const override { return child_->reads_bytes_alone(); }
  void flush() override { child_->flush(); }
  void close(std::chrono::steady_clock::time_point deadline) override { child_->close(deadline); }

 protected:
  Output& child() const { return *child_; }

 private:
  std::unique_ptr<Output> child_;
};

/// An output with several children, started in order and closed in order.
class OutputGroup : public Output {
 public:
  explicit OutputGroup(std::vector<std::unique_ptr<Output>> children)
      : children_(std::move(children)) {}
  Result<> start() override;
  bool saturated() const override;  ///< any of them
  bool connected() const override;  ///< all of them
  void flush() override;
  void close(std::chrono::steady_clock::time_point deadline) override;

 protected:
  std::size_t size() const { return children_.size(); }
  Output& child(std::size_t index) const { return *children_[index]; }

 private:
  std::vector<std::unique_ptr<Output>> children_;
};

}  // namespace tollgate
