#include "base/log.h"

#include <gmock/gmock.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <zlib.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "base/log_format.h"
#include "base/log_sink.h"
#include "base/strings.h"

namespace tollgate {
namespace {

namespace fs = std::filesystem;
using ::testing::MatchesRegex;

/// A folder that goes away with the test.
class LogFile : public ::testing::Test {
 protected:
  LogFile() {
    std::string pattern = ::testing::TempDir() + "tollgate_log_XXXXXX";
    folder_ = mkdtemp(pattern.data());
    options_.file = (folder_ / "app.log").string();
    options_.add_timestamp = false;
  }
  ~LogFile() override { fs::remove_all(folder_); }

  std::string content() const {
    std::ifstream file(options_.file);
    return (std::ostringstream() << file.rdbuf()).str();
  }

  fs::path folder_;
  LogOptions options_;
};

TEST(LogLevels, AreReadInAnyCase) {
  EXPECT_EQ(parse_log_level("WARN"), LogLevel::warn);
  EXPECT_EQ(parse_log_level("all"), LogLevel::trace);
  EXPECT_EQ(parse_log_level("None"), LogLevel::off);
  EXPECT_EQ(parse_log_level("loud"), LogLevel::info);
  EXPECT_EQ(parse_log_level("", LogLevel::error), LogLevel::error);
}

TEST_F(LogFile, OrdersFieldsAndQuotesWhatNeedsIt) {
  const Logger logger =
      Logger::open(options_).value().with({{"path", "root.input"}, {"label", ""}});
  logger.warn("say \"{}\"", "hi");
  logger.write(LogLevel::info, "plain-word_._/@^+x", {{"path", "over"}, {"n", "1", "1"}});
  logger.error("{}", "h\u00e9llo\xff\x1b\n\u00a0\u2028 \U0001F600");
  EXPECT_EQ(content(),
            "level=warning msg=\"say \\\"hi\\\"\" @service=tollgate label=\"\" path=root.input\n"
            "level=info msg=plain-word_._/@^+x @service=tollgate label=\"\" n=1 path=over\n"
            "level=error msg=\"h\u00e9llo\\xff\\x1b\\n\\u00a0\\u2028 \U0001F600\" "
            "@service=tollgate label=\"\" path=root.input\n");
}

TEST_F(LogFile, WritesJsonObjects) {
  options_.json = true;
  options_.level_name = "lvl";
  options_.static_fields = {{"z", "last"}, {"a key", "v w"}};
  const Logger logger = Logger::open(options_).value();
  logger.write(LogLevel::warn, "h\u00e9 <&>\u2028\x01\xff",
               {{"n", "5", "5"}, {"msg", "clash"}, {"lvl", "q"}, {"level", "y"}});
  EXPECT_EQ(content(),
            "{\"a key\":\"v w\",\"fields.lvl\":\"q\",\"fields.msg\":\"clash\",\"level\":\"y\","
            "\"lvl\":\"warning\",\"msg\":\"h\u00e9 \\u003c\\u0026\\u003e\\u2028\\u0001\\ufffd\","
            "\"n\":5,\"z\":\"last\"}\n");
}

TEST_F(LogFile, StampsLinesWithTheTime) {
  options_.add_timestamp = true;
  Logger::open(options_).value().info("x");
  EXPECT_THAT(content(), MatchesRegex("time=\"....-..-..T..:..:..(Z|[+-]..:..)\" level=info msg=x "
                                      "@service=tollgate\n"));
}

TEST(LogTime, FollowsTheLocalZone) {
  const char* before = getenv("TZ");
  const std::string kept = before ? before : "";
  setenv("TZ", "ABC-05:30", 1);
  tzset();
  EXPECT_EQ(format_local_time(0), "1970-01-01T05:30:00+05:30");
  setenv("TZ", "UTC", 1);
  tzset();
  EXPECT_EQ(format_local_time(1795409093), "2026-11-23T04:44:53Z");
  before ? setenv("TZ", kept.c_str(), 1) : unsetenv("TZ");
  tzset();
}

TEST_F(LogFile, LeavesOutLinesBelowTheLevel) {
  options_.level = LogLevel::error;
  const Logger logger = Logger::open(options_).value();
  logger.warn("no");
  logger.error("yes");
  EXPECT_FALSE(logger.enabled(LogLevel::warn));
  EXPECT_EQ(content(), "level=error msg=yes @service=tollgate\n");
}

TEST_F(LogFile, SilentLoggersWriteNothing) {
  Logger().error("nothing");
  Logger().with({{"a", "b"}}).write(LogLevel::off, "nothing");
  options_.level = LogLevel::off;
  const Logger logger = Logger::open(options_).value();
  logger.error("nothing");
  logger.write(LogLevel::off, "nothing");
  EXPECT_EQ(content(), "");
}

TEST_F(LogFile, KeepsOthersOut) {
  const Logger logger = Logger::open(options_).value();
  struct stat status{};
  ASSERT_EQ(stat(options_.file.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777u, 0600u);
}

TEST_F(LogFile, SaysWhyAFileCannotBeOpened) {
  options_.file = (folder_ / "missing" / "app.log").string();
  const auto logger = Logger::open(options_);
  ASSERT_FALSE(logger.has_value());
  EXPECT_EQ(logger.error().message(),
            "cannot open log file " + options_.file + ": No such file or directory");
}

TEST_F(LogFile, KeepsLinesOfManyThreadsWhole) {
  const Logger logger = Logger::open(options_).value();
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < 200; ++i) logger.info("{}", std::string(100, 'x'));
      });
    }
  }
  const std::string text = content();
  const auto lines = split(text, "\n");
  ASSERT_EQ(lines.size(), 801u);
  for (std::size_t i = 0; i < 800; ++i) ASSERT_EQ(lines[i], lines[0]);
}

/// The uncompressed content of a gzip file.
std::string unpack(const fs::path& path) {
  std::string text;
  gzFile file = gzopen(path.c_str(), "rb");
  char buffer[65536];
  for (int got; (got = gzread(file, buffer, sizeof buffer)) > 0;) {
    text.append(buffer, static_cast<std::size_t>(got));
  }
  gzclose(file);
  return text;
}

TEST_F(LogFile, RotatesAndKeepsOnePackedBackup) {
  options_.rotate = true;
  std::ofstream(folder_ / "app-other.log") << "not ours";
  {
    const Logger logger = Logger::open(options_).value();
    for (int i = 0; i < 25; ++i) {  // a megabyte each: rotates twice
      logger.info("{:02} {}", i, std::string(1 << 20, 'x'));
    }
  }
  std::vector<fs::path> packed;
  for (const auto& entry : fs::directory_iterator(folder_)) {
    if (entry.path().extension() == ".gz") packed.push_back(entry.path());
  }
  ASSERT_EQ(packed.size(), 1u);
  EXPECT_THAT(packed[0].filename().string(),
              MatchesRegex("app-....-..-..T..-..-..\\....\\.log\\.gz"));
  EXPECT_TRUE(unpack(packed[0]).starts_with("level=info msg=\"09 x"));
  EXPECT_TRUE(content().starts_with("level=info msg=\"18 x"));
  EXPECT_TRUE(fs::exists(folder_ / "app-other.log"));
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()), 3);
  struct stat status{};
  ASSERT_EQ(stat(packed[0].c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777u, 0600u);
}

TEST_F(LogFile, RemovesBackupsThatAreTooOld) {
  const fs::path old = folder_ / "app-2020-01-01T00-00-00.000.log.gz";
  std::ofstream(old) << "x";
  fs::last_write_time(old, fs::file_time_type::clock::now() - std::chrono::hours(49));
  options_.rotate = true;
  options_.rotate_max_age_days = 3;
  Logger::open(options_).value().info("x");
  EXPECT_TRUE(fs::exists(old));
  options_.rotate_max_age_days = 2;
  Logger::open(options_).value().info("x");
  EXPECT_FALSE(fs::exists(old));
}

}  // namespace
}  // namespace tollgate
