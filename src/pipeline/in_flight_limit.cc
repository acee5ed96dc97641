#include "pipeline/in_flight_limit.h"

namespace tollgate {

void InFlightLimit::write(SharedBatch batch, Ack ack) {
  {
    std::lock_guard lock(lock_);
    if (in_flight_ >= max_ || !waiting_.empty()) {
      waiting_.push_back({std::move(batch), std::move(ack)});
      return;
    }
    ++in_flight_;
  }
  forward({std::move(batch), std::move(ack)});
}

bool InFlightLimit::saturated() const {
  {
    std::lock_guard lock(lock_);
    if (in_flight_ >= max_) return true;
  }
  return child_->saturated();
}

void InFlightLimit::forward(Waiting write) {
  child_->write(std::move(write.batch),
                Ack([this, ack = std::move(write.ack)](WriteResult result) mutable {
                  ack(std::move(result));
                  settled();
                }));
}

void InFlightLimit::settled() {
  std::unique_lock lock(lock_);
  --in_flight_;
  // A child that acks from inside write() would recurse once for each waiting batch: the outermost
  // call takes them all instead.
  if (!forwarding_) {
    forwarding_ = true;
    while (in_flight_ < max_ && !waiting_.empty()) {
      Waiting next = std::move(waiting_.front());
      waiting_.pop_front();
      ++in_flight_;
      lock.unlock();
      forward(std::move(next));
      lock.lock();
    }
    forwarding_ = false;
  }
  lock.unlock();
  gate_.open();
}

void InFlightLimit::close(std::chrono::steady_clock::time_point deadline) {
  child_->close(deadline);
  std::deque<Waiting> left;
  {
    std::lock_guard lock(lock_);
    left.swap(waiting_);
  }
  for (Waiting& write : left) {
    write.ack(WriteResult::failed(Error(Fault::cancelled, "the collector is stopping")));
  }
}

}  // namespace tollgate
