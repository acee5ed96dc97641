#include "component/processor.h"

namespace tollgate {

Result<> MessageProcessor::process(Batch batch, std::vector<Batch>& out) {
  std::vector<std::size_t> removed;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const auto verdict = transform(batch, i);
    if (!verdict) {
      batch[i].set_error(verdict.error().message());
    } else if (*verdict == Verdict::remove) {
      removed.push_back(i);
    }
  }
  if (!removed.empty()) {
    Batch kept(batch.shared_memory());
    auto next = removed.begin();
    for (std::size_t i = 0; i < batch.size(); ++i) {
      if (next != removed.end() && *next == i) {
        if (batch[i].receipt) batch[i].receipt.resolve(Outcome::filtered);
        ++next;
      } else {
        kept.add(std::move(batch[i]));
      }
    }
    batch = std::move(kept);
  }
  if (!batch.empty()) out.push_back(std::move(batch));
  return {};
}

ProcessorChain::ProcessorChain(const std::vector<ProcessorFactory>& factories) {
  for (const auto& make : factories) processors_.push_back(make());
}

void ProcessorChain::expect_bytes_alone() {
  if (!processors_.empty()) processors_.back()->expect_bytes_alone();
}

Result<> ProcessorChain::process(Batch batch, std::vector<Batch>& out) {
  std::vector<Batch> current;
  current.push_back(std::move(batch));
  for (const auto& processor : processors_) {
    std::vector<Batch> next;
    for (auto at = current.begin(); at != current.end(); ++at) {
      if (auto done = processor->process(std::move(*at), next); !done) {
        // Nothing of it may be lost sight of: what others hold fails with it.
        for (auto rest = at + 1; rest != current.end(); ++rest) rest->fail(done.error());
        for (Batch& made : next) made.fail(done.error());
        return done;
      }
    }
    current = std::move(next);
    if (current.empty()) return {};
  }
  for (Batch& made : current) {
    if (!made.empty()) out.push_back(std::move(made));
  }
  return {};
}

}  // namespace tollgate
