#include "config/field_types.h"

#include <cassert>

#include "value/duration.h"

namespace tollgate {

Duration::Duration(const char* literal) : text(literal) {
  if (text.empty()) return;
  const auto parsed = parse_duration(text);
  assert(parsed);
  if (parsed) value = std::chrono::nanoseconds(*parsed);
}

MappingText::MappingText(const char* literal) : text(literal) {
  if (text.empty()) return;
  auto compiled = Mapping::compile(text);
  assert(compiled);
  if (compiled) mapping = std::make_shared<const Mapping>(std::move(*compiled));
}

InterpolatedText::InterpolatedText(const char* literal) : text(literal) {
  auto compiled = Interpolated::compile(text);
  assert(compiled);
  if (compiled) value = std::move(*compiled);
}

}  // namespace tollgate
