#include "unit_tests/subject.h"

#include <charconv>
#include <filesystem>
#include <map>

#include <fmt/format.h>

#include "component/http_service.h"
#include "config/set_path.h"
#include "pipeline/builder.h"
#include "pipeline/environment.h"

namespace tollgate {

namespace {

namespace fs = std::filesystem;

using Path = std::vector<std::string>;
using Labels = std::map<std::string, Path, std::less<>>;

/// Bytes of records under way; tests hold none back.
constexpr std::size_t kMemoryLimit = std::size_t{1} << 30;

/// The process's HTTP service where nothing is served.
class NoEndpoints final : public HttpService {
 public:
  void add(std::string, std::string, HttpServer::Handler) override {}
  void add_websocket(std::string, std::string, HttpServer::WebSocketHandler) override {}
  void remove(std::string_view) override {}
};

// The subjects ------------------------------------------------------------------------------------

class ProcessorSubject final : public TestSubject {
 public:
  ProcessorSubject(const SubjectOptions& options, Resources::Definitions definitions)
      : metrics_(options.logger),
        environment_(*options.catalogue, options.logger, metrics_, endpoints_, kMemoryLimit),
        resources_(environment_, std::move(definitions)) {}

  Result<> build(const std::vector<Node>& processors) {
    if (auto built = resources_.build_all(); !built) {
      return std::unexpected(
          std::move(built).error().within("failed to initialise resources"));
    }
    for (const Node& node : processors) {
      auto factory = build_processor(environment_, resources_, node, "root");
      if (!factory) {
        return std::unexpected(std::move(factory).error().within(
            fmt::format("failed to initialise processor index '{}'", processors_.size())));
      }
      processors_.push_back((*factory)());
    }
    return {};
  }

  Result<std::vector<Batch>> process(std::vector<Batch> batches) override {
    for (const auto& processor : processors_) {
      std::vector<Batch> next;
      for (Batch& batch : batches) TRY(processor->process(std::move(batch), next));
      batches = std::move(next);
    }
    return batches;
  }

 private:
  NoEndpoints endpoints_;
  MetricsRegistry metrics_;
  Environment environment_;
  Resources resources_;
  std::vector<std::unique_ptr<Processor>> processors_;
};

class MappingSubject final : public TestSubject {
 public:
  explicit MappingSubject(Mapping mapping) : mapping_(std::move(mapping)) {}

  Result<std::vector<Batch>> process(std::vector<Batch> batches) override {
    std::vector<Batch> results;
    for (Batch& batch : batches) {
      Batch mapped(batch.shared_memory());
      for (std::size_t i = 0; i < batch.size(); ++i) {
        Message message = batch[i].copy();
        const MapResult result = mapping_.map(batch, i, message);
        if (result.what == Mapped::deleted) continue;
        if (result.what == Mapped::failed) message.set_error(result.error);
        mapped.add(std::move(message));
      }
      if (!mapped.empty()) results.push_back(std::move(mapped));
    }
    return results;
  }

 private:
  const Mapping mapping_;
};

// Where they are ----------------------------------------------------------------------------------

/// "/pipeline/processors/0" as keys; `~1` is a slash in a key, `~0` a tilde.
Path path_of_pointer(std::string_view pointer) {
  Path path;
  while (!pointer.empty()) {
    pointer.remove_prefix(1);
    const std::size_t end = std::min(pointer.find('/'), pointer.size());
    std::string& key = path.emplace_back();
    for (std::size_t i = 0; i < end; ++i) {
      const char next = i + 1 < end ? pointer[i + 1] : ' ';
      const bool escaped = pointer[i] == '~' && (next == '0' || next == '1');
      key += escaped ? (pointer[++i] == '0' ? '~' : '/') : pointer[i];
    }
    pointer.remove_prefix(end);
  }
  return path;
}

Result<Node> node_at(Node node, const Path& path) {
  std::string way;
  for (const std::string& key : path) {
    const auto fail = [&](std::string_view problem) {
      return invalid(fmt::format("{}{}: {}", way, key, problem));
    };
    Node next;
    if (node.is(Node::Kind::list)) {
      std::int64_t index = 0;
      const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), index);
      if (error != std::errc() || end != key.data() + key.size()) {
        return fail("failed to parse path segment as array index");
      }
      const auto size = static_cast<std::int64_t>(node.items().size());
      if (index < 0) index += size;
      if (index < 0) return fail("target index less than zero");
      if (index >= size) return fail("target index greater than array length");
      next = node.items()[static_cast<std::size_t>(index)];
    } else {
      next = node[key];
      if (!next) return fail("key not found in mapping");
    }
    node = next;
    way += key + ".";
  }
  return node;
}

/// Where each label of the configuration stands: the path of the component that has it.
void collect_labels(const Node& node, Path& path, Labels& labels) {
  if (const Node label = node["label"]; label.is(Node::Kind::string) && !label.text().empty()) {
    labels[std::string(label.text())] = path;
  }
  const auto below = [&](std::string key, const Node& value) {
    path.push_back(std::move(key));
    collect_labels(value, path, labels);
    path.pop_back();
  };
  for (const auto& entry : node.entries()) {
    if (!path.empty() || entry.key != "tests") below(entry.key, entry.value);
  }
  for (std::size_t i = 0; i < node.items().size(); ++i) {
    below(std::to_string(i), node.items()[i]);
  }
}

Labels labels_of(const Node& root) {
  Labels labels;
  Path path;
  collect_labels(root, path, labels);
  return labels;
}

/// A file and what in it: "other.yaml#/pipeline/processors", or only the latter.
struct Target {
  std::string file;
  std::string place;  // a JSON pointer or a label
};

Result<Target> target_of(const std::string& written, const std::string& config_path) {
  const std::size_t hash = written.find('#');
  if (const std::size_t colon = written.find(':'); colon < hash && colon < written.find('/')) {
    return invalid(
        fmt::format("target processors '{}' contains non-path scheme value", written));
  }
  Target target{config_path, written};
  if (hash != written.npos && hash + 1 < written.size()) {
    const fs::path folder = fs::path(config_path).parent_path();
    target.file = (folder / written.substr(0, hash)).lexically_normal().string();
    target.place = written.substr(hash + 1);
  } else if (hash != written.npos) {
    target.place = written.substr(0, hash);
  }
  if (target.place.empty()) {
    return invalid(fmt::format("failed to target processors '{}': reference URI must contain a "
                               "path or fragment",
                               written));
  }
  return target;
}

Result<Node> read_document(const std::string& path) {
  const std::string text = TRY(read_text_file(path));
  // Variables that are not set leave nothing: a test sets those it needs.
  const InterpolatedConfig replaced = TRY(replace_variables(text, process_environment));
  return parse_yaml(replaced.text);
}

Result<Node> read_target(const std::string& path, std::string_view what) {
  auto root = read_document(path);
  if (root) return root;
  return std::unexpected(
      std::move(root).error().within(fmt::format("failed to parse {} '{}'", what, path)));
}

// Mocks -------------------------------------------------------------------------------------------

/// `root` with the component at `path` replaced. What refers to the label of the one that stood
/// there finds the mock.
Result<Node> set_mock(const Node& root, const Path& path, Node mock) {
  if (!mock["label"]) {
    if (const auto replaced = node_at(root, path); replaced && (*replaced)["label"]) {
      mock = mock.with("label", (*replaced)["label"]);
    }
  }
  const bool known = std::ranges::any_of(
      service_schema(), [&](const auto& field) { return field.spec.key == path.front(); });
  if (!known) return invalid(path.front() + ": field not recognised");
  return set_at_path(root, path, mock);
}

Result<Node> apply_mocks(Node root, const std::map<std::string, Node>& mocks) {
  const auto apply = [&](const std::string& target, const Path& path,
                         const Node& mock) -> Result<> {
    auto changed = set_mock(root, path, mock);
    if (!changed) {
      return std::unexpected(
          std::move(changed).error().within(fmt::format("failed to set mock '{}'", target)));
    }
    root = std::move(*changed);
    return {};
  };
  for (const auto& [target, mock] : mocks) {
    if (target.starts_with('/')) TRY(apply(target, path_of_pointer(target), mock));
  }
  const Labels labels = labels_of(root);
  for (const auto& [target, mock] : mocks) {
    if (target.starts_with('/')) continue;
    const auto found = labels.find(target);
    if (found == labels.end()) {
      return invalid(fmt::format("mock for label '{}' could not be applied as the label was not "
                                 "found in the test target file, it is not currently possible to "
                                 "mock resources imported separate to the test file",
                                 target));
    }
    TRY(apply(target, found->second, mock));
  }
  return root;
}

// Making them -------------------------------------------------------------------------------------

void add_resources(Resources::Definitions& to, const Node& root) {
  const auto add = [&](std::vector<Node>& nodes, const char* key) {
    for (const Node& item : root[key].items()) nodes.push_back(item);
  };
  // Inputs and outputs are left out: a processor uses none.
  add(to.processors, "processor_resources");
  add(to.caches, "cache_resources");
  add(to.rate_limits, "rate_limit_resources");
}

Result<std::vector<Node>> locate(const Node& root, const Target& target) {
  Path path;
  if (target.place.starts_with('/')) {
    path = path_of_pointer(target.place);
  } else {
    const Labels labels = labels_of(root);
    const auto found = labels.find(target.place);
    if (found == labels.end()) {
      return invalid(fmt::format("target for label '{}' failed as the label was not found in the "
                                 "test target file, it is not currently possible to target "
                                 "resources imported separate to the test file",
                                 target.place));
    }
    path = found->second;
  }
  auto node = node_at(root, path);
  if (!node) {
    return std::unexpected(std::move(node).error().within(
        fmt::format("failed to resolve case processors from '{}'", target.file)));
  }
  return node->is(Node::Kind::list) ? node->items() : std::vector<Node>{*node};
}

Result<std::unique_ptr<TestSubject>> make_processors(const ServiceConfig::Test& test,
                                                     const std::string& config_path,
                                                     const SubjectOptions& options) {
  const Target target = TRY(target_of(test.target_processors, config_path));
  Node root = TRY(read_target(target.file, "config file"));
  if (test.mocks) root = TRY(apply_mocks(std::move(root), *test.mocks));
  Resources::Definitions definitions;
  add_resources(definitions, root);
  for (const std::string& path : expand_globs(options.resources)) {
    add_resources(definitions, TRY(read_target(path, "resources config file")));
  }
  const std::vector<Node> processors = TRY(locate(root, target));
  auto subject = std::make_unique<ProcessorSubject>(options, std::move(definitions));
  TRY(subject->build(processors));
  return subject;
}

Result<std::unique_ptr<TestSubject>> make_mapping(const std::string& written,
                                                  const std::string& config_path) {
  const fs::path path = (fs::path(config_path).parent_path() / written).lexically_normal();
  const std::string text = TRY(read_text_file(path.string()));
  auto mapping = Mapping::compile(text, {.import_directory = path.parent_path().string()});
  if (!mapping) return invalid(mapping.error().one_line());
  return std::make_unique<MappingSubject>(std::move(*mapping));
}

}  // namespace

Result<std::unique_ptr<TestSubject>> make_subject(const ServiceConfig::Test& test,
                                                  const std::string& config_path,
                                                  const SubjectOptions& options) {
  const bool is_mapping = !test.target_mapping.empty();
  auto subject = is_mapping ? make_mapping(test.target_mapping, config_path)
                            : make_processors(test, config_path, options);
  if (subject) return subject;
  return std::unexpected(std::move(subject).error().within(
      is_mapping
          ? fmt::format("failed to initialise Bloblang mapping '{}'", test.target_mapping)
          : fmt::format("failed to initialise processors '{}'", test.target_processors)));
}

}  // namespace tollgate
