#include "components/processors/support.h"

#include <iterator>

namespace tollgate {

void append(Batch& into, Batch from) {
  if (into.shared_memory() == from.shared_memory()) {
    if (into.empty()) {
      into.messages() = std::move(from.messages());
      return;
    }
    into.messages().insert(into.messages().end(), std::make_move_iterator(from.begin()),
                           std::make_move_iterator(from.end()));
    return;
  }
  for (Message& message : from) into.add(message.move_to(into.memory()));
}

Batch take_one(Batch& batch, std::size_t index) {
  Batch one(batch.shared_memory());
  one.add(std::move(batch[index]));
  return one;
}

ChildList::ChildList(const std::vector<ProcessorFactory>& factories) {
  processors_.reserve(factories.size());
  for (const ProcessorFactory& make : factories) processors_.push_back(make());
}

Result<> ChildList::run(Batch batch, std::vector<Batch>& out, Stop stop) {
  std::vector<Batch> current;
  current.push_back(std::move(batch));
  std::vector<Batch> next;
  for (const auto& processor : processors_) {
    next.clear();
    for (auto at = current.begin(); at != current.end(); ++at) {
      if (stop == Stop::at_failure && !at->empty() && (*at)[0].error()) {
        next.push_back(std::move(*at));
        continue;
      }
      if (auto done = processor->process(std::move(*at), next); !done) {
        for (auto rest = at + 1; rest != current.end(); ++rest) rest->fail(done.error());
        for (Batch& made : next) made.fail(done.error());
        return done;
      }
    }
    current.swap(next);
    if (current.empty()) return {};
  }
  for (Batch& made : current) {
    if (!made.empty()) out.push_back(std::move(made));
  }
  return {};
}

Result<> ChildList::run(Batch batch, Batch& out, Stop stop) {
  results_.clear();
  TRY(run(std::move(batch), results_, stop));
  for (Batch& made : results_) append(out, std::move(made));
  return {};
}

Result<> ChildList::run_each(Batch batch, std::vector<Batch>& out, Stop stop) {
  Batch joined(batch.shared_memory());
  for (std::size_t i = 0; i < batch.size(); ++i) {
    if (auto done = run(take_one(batch, i), joined, stop); !done) {
      joined.fail(done.error());
      batch.fail(done.error());
      return done;
    }
  }
  if (!joined.empty()) out.push_back(std::move(joined));
  return {};
}

}  // namespace tollgate
