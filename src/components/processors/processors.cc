// processors, for_each, noop: plain composition.

#include <memory>

#include "components/processors/support.h"

namespace tollgate {
namespace {

// Configuration -----------------------------------------------------------------------------------

struct ListConfig {
  std::vector<ChildProcessor> processors;
};

const Schema<ListConfig>& list_schema() {
  static const Schema<ListConfig> fields{
      field("", &ListConfig::processors, "The processors to run, in order."),
  };
  return fields;
}

struct NoConfig {
  Node ignored = Node::map({});
};

const Schema<NoConfig>& no_schema() {
  static const Schema<NoConfig> fields{
      field("", &NoConfig::ignored, "Has no fields.").type_name("object"),
  };
  return fields;
}

// Implementation ----------------------------------------------------------------------------------

class Sequence final : public Processor {
 public:
  explicit Sequence(const std::vector<ProcessorFactory>& children) : children_(children) {}
  Result<> process(Batch batch, std::vector<Batch>& out) override {
    return children_.process(std::move(batch), out);
  }

 private:
  ProcessorChain children_;
};

class ForEach final : public Processor {
 public:
  explicit ForEach(const std::vector<ProcessorFactory>& children) : children_(children) {}
  Result<> process(Batch batch, std::vector<Batch>& out) override {
    return children_.run_each(std::move(batch), out);
  }

 private:
  ChildList children_;
};

class Noop final : public Processor {
 public:
  Result<> process(Batch batch, std::vector<Batch>& out) override {
    out.push_back(std::move(batch));
    return {};
  }
};

template <typename List>
Result<ProcessorFactory> make_list(ListConfig config, BuildContext& context) {
  return [children = TRY(context.processors("", config.processors))] {
    return std::make_unique<List>(children);
  };
}

Result<ProcessorFactory> make_noop(NoConfig, BuildContext&) {
  return [] { return std::make_unique<Noop>(); };
}

}  // namespace

// Registration ------------------------------------------------------------------------------------

extern constinit const ProcessorType processors_processor;
constinit const ProcessorType processors_processor =
    component_type<list_schema, make_list<Sequence>>({
        .name = "processors",
        .categories = "Composition",
        .summary = "Groups processors into one, for places that take a single processor.",
    });

extern constinit const ProcessorType for_each_processor;
constinit const ProcessorType for_each_processor = component_type<list_schema, make_list<ForEach>>({
    .name = "for_each",
    .categories = "Composition",
    .summary = "Runs processors on each message of a batch as if it were a batch of its own.",
    .description = R"md(
`batch_index()`, `batch_size()` and processors such as `archive` or `dedupe` then see one message at
a time. The results are joined into one batch again, in order.
)md",
});

extern constinit const ProcessorType noop_processor;
constinit const ProcessorType noop_processor = component_type<no_schema, make_noop>({
    .name = "noop",
    .summary = "Passes messages on as they are.",
    .description = "Useful as the body of a `switch` case that shall do nothing.",
});

}  // namespace tollgate
