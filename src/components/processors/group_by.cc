// group_by, group_by_value: cut a batch into batches of messages that belong together.

#include <map>
#include <memory>

#include "components/processors/support.h"

namespace tollgate {
namespace {

// Configuration -----------------------------------------------------------------------------------

struct GroupConfig {
  MappingText check;
  std::vector<ChildProcessor> processors;
};

const Schema<GroupConfig>& group_schema() {
  static const Schema<GroupConfig> fields{
      required("check", &GroupConfig::check, "Tells whether a message is of this group."),
      field("processors", &GroupConfig::processors, "What to run on the group's batch."),
  };
  return fields;
}

struct GroupsConfig {
  std::vector<GroupConfig> groups;
};

const Schema<GroupsConfig>& groups_schema() {
  static const Schema<GroupsConfig> fields{
      sections("", &GroupsConfig::groups, group_schema(), "The groups, in order."),
  };
  return fields;
}

struct ValueConfig {
  InterpolatedText value;
};

const Schema<ValueConfig>& value_schema() {
  static const Schema<ValueConfig> fields{
      required("value", &ValueConfig::value, "Messages with the same value make a group."),
  };
  return fields;
}

// Implementation ----------------------------------------------------------------------------------

struct GroupFactory {
  std::shared_ptr<const Mapping> check;
  std::vector<ProcessorFactory> processors;
};

class GroupBy final : public Processor {
 public:
  GroupBy(const std::vector<GroupFactory>& groups, Logger logger) : logger_(std::move(logger)) {
    for (const GroupFactory& each : groups) {
      groups_.push_back({each.check, ChildList(each.processors)});
    }
  }

  Result<> process(Batch batch, std::vector<Batch>& out) override {
    std::vector<std::size_t> chosen(batch.size());
    for (std::size_t i = 0; i < batch.size(); ++i) chosen[i] = choose(batch, i);
    std::vector<Batch> sorted;
    for (std::size_t g = 0; g <= groups_.size(); ++g) sorted.emplace_back(batch.shared_memory());
    for (std::size_t i = 0; i < batch.size(); ++i) sorted[chosen[i]].add(std::move(batch[i]));

    std::vector<Batch> made;
    for (std::size_t g = 0; g < groups_.size(); ++g) {
      if (sorted[g].empty()) continue;
      if (auto done = groups_[g].processors.run(std::move(sorted[g]), made); !done) {
        for (Batch& each : made) each.fail(done.error());
        for (Batch& rest : sorted) rest.fail(done.error());
        return done;
      }
    }
    if (!sorted.back().empty()) made.push_back(std::move(sorted.back()));
    for (Batch& each : made) out.push_back(std::move(each));
    return {};
  }

 private:
  struct Group {
    std::shared_ptr<const Mapping> check;
    ChildList processors;
  };

  /// The first group that message `index` is of; the number of groups if it is of none.
  std::size_t choose(const Batch& batch, std::size_t index) {
    for (std::size_t g = 0; g < groups_.size(); ++g) {
      scratch_.reset();
      const auto passed = groups_[g].check->check(batch, index, scratch_);
      if (!passed) {
        logger_.error("Failed to test group {}: {}", g, passed.error().message());
      } else if (*passed) {
        return g;
      }
    }
    return groups_.size();
  }

  std::vector<Group> groups_;
  const Logger logger_;
  Arena scratch_;
};

class GroupByValue final : public Processor {
 public:
  GroupByValue(Interpolated value, ErrorSource source, Logger logger)
      : value_(std::move(value)), source_(std::move(source)), logger_(std::move(logger)) {}

  Result<> process(Batch batch, std::vector<Batch>& out) override {
    std::vector<Batch> groups;
    std::map<std::string, std::size_t, std::less<>> known;
    std::vector<std::size_t> chosen(batch.size());
    for (std::size_t i = 0; i < batch.size(); ++i) {
      scratch_.reset();
      const std::string_view value = value_of(batch, i);
      auto group = known.find(value);
      if (group == known.end()) {
        group = known.emplace(value, groups.size()).first;
        groups.emplace_back(batch.shared_memory());
      }
      chosen[i] = group->second;
    }
    for (std::size_t i = 0; i < batch.size(); ++i) groups[chosen[i]].add(std::move(batch[i]));
    for (Batch& group : groups) out.push_back(std::move(group));
    return {};
  }

 private:
  /// "" if it cannot be told; the message is flagged then.
  std::string_view value_of(Batch& batch, std::size_t index) {
    const auto value = value_.eval(batch, index, scratch_);
    if (value) return *value;
    logger_.error("Group value interpolation error: {}", value.error().message());
    source_.flag(batch[index],
                 "group value interpolation error: " + std::string(value.error().message()));
    return {};
  }

  const Interpolated value_;
  const ErrorSource source_;
  const Logger logger_;
  Arena scratch_;
};

Result<ProcessorFactory> make_groups(GroupsConfig config, BuildContext& context) {
  std::vector<GroupFactory> groups;
  for (std::size_t i = 0; i < config.groups.size(); ++i) {
    const GroupConfig& each = config.groups[i];
    auto processors = TRY(context.processors(std::to_string(i) + ".processors", each.processors));
    if (!each.check.mapping) return invalid("a group needs a check");
    groups.push_back({each.check.mapping, std::move(processors)});
  }
  return [groups = std::move(groups), logger = context.logger()] {
    return std::make_unique<GroupBy>(groups, logger);
  };
}

Result<ProcessorFactory> make_values(ValueConfig config, BuildContext& context) {
  return [value = config.value.value, source = ErrorSource(context), logger = context.logger()] {
    return std::make_unique<GroupByValue>(value, source, logger);
  };
}

}  // namespace

// Registration ------------------------------------------------------------------------------------

extern constinit const ProcessorType group_by_processor;
constinit const ProcessorType group_by_processor = component_type<groups_schema, make_groups>({
    .name = "group_by",
    .categories = "Composition",
    .summary = "Cuts a batch into one batch for each group of messages that pass a check.",
    .description = R"md(
A message belongs to the first group whose check it passes; a check that fails to run is not passed.
Messages of no group make the last batch.
)md",
});

extern constinit const ProcessorType group_by_value_processor;
constinit const ProcessorType group_by_value_processor =
    component_type<value_schema, make_values>({
        .name = "group_by_value",
        .categories = "Composition",
        .summary = "Cuts a batch into one batch for each value of an expression.",
        .description = R"md(
The batches come in the order in which their values were first seen. A message whose value cannot be
told is flagged and belongs to the empty value.
)md",
    });

}  // namespace tollgate
