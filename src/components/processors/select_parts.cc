// select_parts, insert_part, split, bounds_check: the shape of batches.

#include <algorithm>
#include <memory>

#include "components/processors/support.h"

namespace tollgate {
namespace {

// Configuration -----------------------------------------------------------------------------------

struct SelectConfig {
  std::vector<std::int64_t> parts;
};

const Schema<SelectConfig>& select_schema() {
  static const Schema<SelectConfig> fields{
      field("parts", &SelectConfig::parts,
            "The positions to keep, from 0; negative ones count from the end."),
  };
  return fields;
}

struct InsertConfig {
  std::int64_t index = -1;
  InterpolatedText content;
};

const Schema<InsertConfig>& insert_schema() {
  static const Schema<InsertConfig> fields{
      field("index", &InsertConfig::index,
            "Where it is inserted; -1 is at the end, -2 before the last message, and so on."),
      field("content", &InsertConfig::content, "What it contains."),
  };
  return fields;
}

struct SplitConfig {
  std::int64_t size = 1;
  std::int64_t byte_size = 0;
};

const Schema<SplitConfig>& split_schema() {
  static const Schema<SplitConfig> fields{
      field("size", &SplitConfig::size, "Messages in a batch at most; 0 is no limit."),
      field("byte_size", &SplitConfig::byte_size, "Bytes in a batch at most; 0 is no limit."),
  };
  return fields;
}

struct BoundsConfig {
  std::int64_t max_part_size = 1 << 30;
  std::int64_t min_part_size = 1;
  std::int64_t max_parts = 100;
  std::int64_t min_parts = 1;
};

const Schema<BoundsConfig>& bounds_schema() {
  static const Schema<BoundsConfig> fields{
      field("max_part_size", &BoundsConfig::max_part_size, "Bytes a message may have."),
      field("min_part_size", &BoundsConfig::min_part_size, "Bytes a message must have."),
      field("max_parts", &BoundsConfig::max_parts, "Messages a batch may have.").advanced(),
      field("min_parts", &BoundsConfig::min_parts, "Messages a batch must have.").advanced(),
  };
  return fields;
}

// Implementation ----------------------------------------------------------------------------------

std::int64_t length(const Batch& batch) { return static_cast<std::int64_t>(batch.size()); }

class SelectParts final : public Processor {
 public:
  explicit SelectParts(std::vector<std::int64_t> parts) : parts_(std::move(parts)) {}

  Result<> process(Batch batch, std::vector<Batch>& out) override {
    Batch kept(batch.shared_memory());
    std::vector<bool> copied(batch.size());
    for (const std::int64_t part : parts_) {
      const std::int64_t index = part < 0 ? length(batch) + part : part;
      if (index < 0 || index >= length(batch)) continue;
      Message& chosen = batch[static_cast<std::size_t>(index)];
      Message copy = chosen.copy();
      copy.receipt = chosen.receipt.share();
      if (copied[static_cast<std::size_t>(index)]) {
        copy.identity = spawn(chosen);
        copy.draws = 0;
      }
      copied[static_cast<std::size_t>(index)] = true;
      kept.add(std::move(copy));
    }
    for (Message& message : batch) settle(message);  // the share that the copies do not hold
    if (!kept.empty()) out.push_back(std::move(kept));
    return {};
  }

 private:
  const std::vector<std::int64_t> parts_;
};

class InsertPart final : public Processor {
 public:
  InsertPart(std::int64_t index, Interpolated content, Logger logger)
      : index_(index), content_(std::move(content)), logger_(std::move(logger)) {}

  Result<> process(Batch batch, std::vector<Batch>& out) override {
    if (batch.empty()) return {};
    const auto content = content_.eval(batch, 0, batch.arena());
    if (!content) {
      logger_.error("Content interpolation error: {}", content.error().message());
      out.push_back(std::move(batch));
      return {};
    }
    const std::int64_t at = index_ < 0 ? std::max<std::int64_t>(length(batch) + index_ + 1, 0)
                                       : std::min(index_, length(batch));
    Message added = batch[0].copy();
    added.set_bytes(batch.arena().copy(*content));
    added.identity = spawn(batch[0]);
    added.draws = 0;
    added.collapsed = 1;
    added.receipt = batch[0].receipt.share();
    auto& messages = batch.messages();
    messages.insert(messages.begin() + at, std::move(added));
    out.push_back(std::move(batch));
    return {};
  }

 private:
  const std::int64_t index_;
  const Interpolated content_;
  const Logger logger_;
};

class Split final : public Processor {
 public:
  Split(SplitConfig config, Logger logger) : config_(config), logger_(std::move(logger)) {}

  Result<> process(Batch batch, std::vector<Batch>& out) override {
    Batch next(batch.shared_memory());
    std::int64_t bytes = 0;
    for (Message& message : batch) {
      // The size is asked for only if it matters: it makes the bytes of a document.
      const std::int64_t size =
          config_.byte_size > 0 ? static_cast<std::int64_t>(message.bytes().size()) : 0;
      const bool full = (config_.size > 0 && length(next) >= config_.size) ||
                        (config_.byte_size > 0 && bytes + size > config_.byte_size);
      if (full && !next.empty()) {
        out.push_back(std::move(next));
        next = Batch(batch.shared_memory());
        bytes = 0;
      } else if (full) {
        logger_.warn("A single message exceeds the target batch byte size of '{}', actual size: "
                     "'{}'", config_.byte_size, size);
      }
      next.add(std::move(message));
      bytes += size;
    }
    if (!next.empty()) out.push_back(std::move(next));
    return {};
  }

 private:
  const SplitConfig config_;
  const Logger logger_;
};

class BoundsCheck final : public Processor {
 public:
  BoundsCheck(BoundsConfig config, Logger logger) : config_(config), logger_(std::move(logger)) {}

  Result<> process(Batch batch, std::vector<Batch>& out) override {
    if (within_bounds(batch)) {
      if (!batch.empty()) out.push_back(std::move(batch));
    } else {
      batch.resolve(Outcome::filtered);
    }
    return {};
  }

 private:
  bool within_bounds(Batch& batch) const {
    if (length(batch) < config_.min_parts || length(batch) > config_.max_parts) {
      logger_.debug("Rejecting batch of {} messages, the bounds are {} and {}", batch.size(),
                    config_.min_parts, config_.max_parts);
      return false;
    }
    for (Message& message : batch) {
      const auto size = static_cast<std::int64_t>(message.bytes().size());
      if (size < config_.min_part_size || size > config_.max_part_size) {
        logger_.debug("Rejecting batch for a message of {} bytes, the bounds are {} and {}", size,
                      config_.min_part_size, config_.max_part_size);
        return false;
      }
    }
    return true;
  }

  const BoundsConfig config_;
  const Logger logger_;
};

Result<ProcessorFactory> make_select(SelectConfig config, BuildContext&) {
  return [parts = std::move(config.parts)] { return std::make_unique<SelectParts>(parts); };
}

Result<ProcessorFactory> make_insert(InsertConfig config, BuildContext& context) {
  return [index = config.index, content = config.content.value, logger = context.logger()] {
    return std::make_unique<InsertPart>(index, content, logger);
  };
}

Result<ProcessorFactory> make_split(SplitConfig config, BuildContext& context) {
  return [config, logger = context.logger()] { return std::make_unique<Split>(config, logger); };
}

Result<ProcessorFactory> make_bounds(BoundsConfig config, BuildContext& context) {
  return [config, logger = context.logger()] {
    return std::make_unique<BoundsCheck>(config, logger);
  };
}

}  // namespace

// Registration ------------------------------------------------------------------------------------

extern constinit const ProcessorType select_parts_processor;
constinit const ProcessorType select_parts_processor =
    component_type<select_schema, make_select>({
        .name = "select_parts",
        .categories = "Utility",
        .summary = "Keeps the messages of a batch that stand at given positions.",
        .description = R"md(
Positions that the batch does not have are skipped; the order is that of the list. A batch of which
nothing is kept is dropped.
)md",
    });

extern constinit const ProcessorType insert_part_processor;
constinit const ProcessorType insert_part_processor =
    component_type<insert_schema, make_insert>({
        .name = "insert_part",
        .categories = "Composition",
        .summary = "Inserts a new message into each batch.",
        .description = R"md(
It has the metadata of the batch's first message. A position beyond the end is the end.
)md",
    });

extern constinit const ProcessorType split_processor;
constinit const ProcessorType split_processor = component_type<split_schema, make_split>({
    .name = "split",
    .categories = "Utility",
    .summary = "Cuts a batch into smaller ones.",
    .description = R"md(
A batch ends when either limit would be passed. What is left over makes a smaller batch. To make
several messages of one use `unarchive`.
)md",
});

extern constinit const ProcessorType bounds_check_processor;
constinit const ProcessorType bounds_check_processor =
    component_type<bounds_schema, make_bounds>({
        .name = "bounds_check",
        .categories = "Utility",
        .summary = "Drops whole batches that have too many or too few messages or bytes.",
        .description = R"md(
One message out of bounds drops its whole batch, in silence but for a DEBUG line. Note that an empty
message is out of bounds by default.
)md",
    });

}  // namespace tollgate
