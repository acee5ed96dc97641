#include <gmock/gmock.h>

#include "observe/metrics.h"

namespace tollgate {
namespace {

std::shared_ptr<const Mapping> compile(std::string_view source) {
  auto mapping = Mapping::compile(source);
  EXPECT_TRUE(mapping.has_value()) << mapping.error().one_line();
  return std::make_shared<const Mapping>(*std::move(mapping));
}

TEST(MetricsMapping, RenamesRelabelsAndSuppresses) {
  MetricsRegistry registry{Logger()};
  registry.set_mapping(compile(R"(
    root = match this {
      "renamed" => "new_name"
      "gone" => deleted()
      "failing" => throw("nope")
      "num" => 5
      _ => this
    }
    meta path = if this == "short" { deleted() }
    meta added = if this == "renamed" { "v" } else { deleted() }
    meta n = if this == "renamed" { 5 } else { deleted() }
  )"));
  const Labels labels{{"label", ""}, {"path", "root.input"}};
  for (const auto name : {"renamed", "gone", "failing", "num", "short", "kept"}) {
    registry.counter(name, labels).add();
  }
  std::vector<std::pair<std::string, Labels>> shown;
  for (const Series& series : registry.series()) shown.emplace_back(series.name, series.labels);
  EXPECT_THAT(shown,
              ::testing::ElementsAre(
                  std::pair("failing", Labels{}), std::pair("kept", labels),
                  std::pair("new_name", Labels{{"added", "v"}, {"label", ""}, {"n", "5"},
                                               {"path", "root.input"}}),
                  std::pair("num", labels), std::pair("short", Labels{{"label", ""}})));
}

TEST(MetricsMapping, SeriesOfOneNewNameAreOne) {
  MetricsRegistry registry{Logger()};
  registry.set_mapping(compile(R"(root = "all")"));
  registry.counter("a").add(1);
  registry.counter("b").add(2);
  ASSERT_EQ(registry.series().size(), 1u);
  EXPECT_EQ(registry.series()[0].value, 3);
}

TEST(MetricsMapping, WithoutAnAssignmentTheNameStays) {
  MetricsRegistry registry{Logger()};
  registry.set_mapping(compile(R"(meta zone = "eu")"));
  registry.counter("a").add(1);
  EXPECT_EQ(registry.series()[0].name, "a");
  EXPECT_EQ(registry.series()[0].labels, (Labels{{"zone", "eu"}}));
}

}  // namespace
}  // namespace tollgate
