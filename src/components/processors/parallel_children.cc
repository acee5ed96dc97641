#include "components/processors/parallel_children.h"

#include <algorithm>
#include <atomic>
#include <optional>
#include <thread>

namespace tollgate {

Result<> ParallelChildren::run(Batch batch, std::vector<Batch>& out, const Task& task) {
  if (batch.empty()) return {};
  const std::size_t cap =
      cap_ > 0 ? std::min(static_cast<std::size_t>(cap_), kMaxThreads) : kMaxThreads;
  const std::size_t threads = std::min(cap, batch.size());
  while (lists_.size() < threads) lists_.emplace_back(factories_);

  struct Job {
    Batch in, out;
    std::optional<Error> error;
  };
  std::vector<Job> jobs(batch.size());
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    jobs[i].in.add(batch[i].move_to(jobs[i].in.memory()));
    jobs[i].out = Batch(jobs[i].in.shared_memory());
  }
  std::atomic<std::size_t> next{0};
  const auto work = [&](ChildList& children) {
    for (std::size_t i; (i = next.fetch_add(1)) < jobs.size();) {
      if (auto done = task(children, std::move(jobs[i].in), jobs[i].out); !done) {
        jobs[i].error = done.error();
      }
    }
  };
  {
    std::vector<std::jthread> others;
    for (std::size_t i = 1; i < threads; ++i) {
      others.emplace_back([&, i] { work(lists_[i]); });
    }
    work(lists_[0]);
  }

  const auto failed =
      std::ranges::find_if(jobs, [](const Job& job) { return job.error.has_value(); });
  if (failed != jobs.end()) {
    for (Job& job : jobs) job.out.fail(*failed->error);
    return std::unexpected(*failed->error);
  }
  Batch joined(batch.shared_memory());
  for (Job& job : jobs) append(joined, std::move(job.out));
  if (!joined.empty()) out.push_back(std::move(joined));
  return {};
}

}  // namespace tollgate
