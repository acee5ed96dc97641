#include "component/catalogue.h"

namespace tollgate {

template <typename Type>
void Catalogue::add(ComponentKind kind, std::span<const Type* const> types) {
  for (const Type* type : types) {
    const ComponentInfo& info = type->info;
    const auto fields = type->fields();
    specs_[{kind, std::string(info.name)}] = ComponentSpec{
        .kind = kind,
        .name = info.name,
        .status = info.status,
        .categories = info.categories,
        .summary = info.summary,
        .description = info.description,
        .fields = type->fields,
        .body_is_field = fields.size() == 1 && fields.front().key.empty(),
        .lint = type->lint,
        .examples = info.examples,
    };
  }
}

Catalogue::Catalogue(const Manifest& manifest) : manifest_(manifest) {
  add(ComponentKind::input, manifest.inputs);
  add(ComponentKind::buffer, manifest.buffers);
  add(ComponentKind::processor, manifest.processors);
  add(ComponentKind::output, manifest.outputs);
  add(ComponentKind::cache, manifest.caches);
  add(ComponentKind::rate_limit, manifest.rate_limits);
  add(ComponentKind::scanner, manifest.scanners);
  add(ComponentKind::metrics, manifest.metrics);
  add(ComponentKind::tracer, manifest.tracers);
}

void Catalogue::add(ComponentSpec spec) {
  const std::pair key(spec.kind, std::string(spec.name));
  specs_[key] = std::move(spec);
}

const ComponentSpec* Catalogue::find(ComponentKind kind, std::string_view name) const {
  const auto found = specs_.find(std::pair(kind, std::string(name)));
  return found == specs_.end() ? nullptr : &found->second;
}

std::vector<const ComponentSpec*> Catalogue::all(ComponentKind kind) const {
  std::vector<const ComponentSpec*> specs;
  for (const auto& [key, spec] : specs_) {
    if (key.first == kind) specs.push_back(&spec);
  }
  return specs;
}

template <>
std::span<const InputType* const> Catalogue::list() const { return manifest_.inputs; }
template <>
std::span<const BufferType* const> Catalogue::list() const { return manifest_.buffers; }
template <>
std::span<const ProcessorType* const> Catalogue::list() const { return manifest_.processors; }
template <>
std::span<const OutputType* const> Catalogue::list() const { return manifest_.outputs; }
template <>
std::span<const CacheType* const> Catalogue::list() const { return manifest_.caches; }
template <>
std::span<const RateLimitType* const> Catalogue::list() const { return manifest_.rate_limits; }
template <>
std::span<const ScannerType* const> Catalogue::list() const { return manifest_.scanners; }
template <>
std::span<const MetricsType* const> Catalogue::list() const { return manifest_.metrics; }
template <>
std::span<const TracerType* const> Catalogue::list() const { return manifest_.tracers; }

}  // namespace tollgate
