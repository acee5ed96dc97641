#include "journal/batch_codec.h"

#include <gmock/gmock.h>

#include <random>

#include "value/json.h"
#include "value/timestamp.h"

namespace tollgate {
namespace {

std::string json_of(const Message& message) {
  std::string text;
  Arena scratch;
  if (message.metadata()) {
    append_json(text, Value::object(const_cast<Object*>(message.metadata())), scratch);
  }
  return text;
}

std::shared_ptr<const std::string> stored(const Batch& batch) {
  std::string bytes;
  append_batch(bytes, batch);
  return std::make_shared<const std::string>(std::move(bytes));
}

Batch some_batch() {
  Batch batch;
  Message& plain = batch.add();
  plain.set_bytes("plain");
  Message& rich = batch.add();
  rich.set_bytes(batch.arena().copy(std::string(300, 'x')));
  rich.identity = {0x0123456789abcdef, 42, true};
  rich.draws = 7;
  rich.collapsed = 130;
  rich.set_error({.text = "failed it did", .source_name = "mapping", .source_label = "m",
                  .source_path = "root.pipeline", .has_source = true});
  Arena& arena = batch.arena();
  rich.set_metadata("text", Value::string("t"));
  rich.set_metadata("negative", Value::int64(-5));
  rich.set_metadata("large", Value::uint64(~std::uint64_t{0}));
  rich.set_metadata("half", Value::float64(0.5));
  rich.set_metadata("flag", Value::boolean(true));
  rich.set_metadata("none", Value::null());
  rich.set_metadata("document", parse_json(R"({"a":[1,{"b":"c"}],"n":12345678901234567890})", arena));
  const Timestamp time{1'700'000'000, 5, Zone::fixed(3600)};
  rich.set_metadata("time", Value::timestamp(&time));
  return batch;
}

TEST(BatchCodecTest, KeepsEverything) {
  const Batch batch = some_batch();
  const auto read = decode_batch(stored(batch));
  ASSERT_TRUE(read) << read.error().message();
  ASSERT_EQ(read->size(), 2u);
  const Message &plain = (*read)[0], &rich = (*read)[1];
  EXPECT_EQ(plain.bytes(), "plain");
  EXPECT_FALSE(plain.identity.is_set());
  EXPECT_EQ(plain.collapsed, 1u);
  EXPECT_EQ(rich.bytes(), std::string(300, 'x'));
  EXPECT_EQ(rich.identity.high, 0x0123456789abcdefu);
  EXPECT_EQ(rich.identity.low, 42u);
  EXPECT_TRUE(rich.identity.derived);
  EXPECT_EQ(rich.draws, 7u);
  EXPECT_EQ(rich.collapsed, 130u);
  ASSERT_TRUE(rich.error());
  EXPECT_EQ(rich.error()->text, "failed it did");
  EXPECT_EQ(rich.error()->source_path, "root.pipeline");
  EXPECT_TRUE(rich.error()->has_source);
  EXPECT_EQ(json_of(rich), json_of(batch[1]));
  EXPECT_EQ(rich.metadata("large")->kind(), Kind::uint64);
  EXPECT_EQ(rich.metadata("negative")->kind(), Kind::int64);
  EXPECT_EQ(rich.metadata("time")->kind(), Kind::timestamp);
}

TEST(BatchCodecTest, LeavesOutWhatIsSettled) {
  const Batch batch = some_batch();
  const auto read = decode_batch(stored(batch), {true, false});
  ASSERT_TRUE(read);
  ASSERT_EQ(read->size(), 1u);
  EXPECT_EQ((*read)[0].draws, 7u);
}

TEST(BatchCodecTest, RefusesWhatItCannotUnderstand) {
  const Batch batch = some_batch();
  const std::string whole = *stored(batch);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(decode_batch(std::make_shared<const std::string>(whole.substr(0, size)))) << size;
  }
  std::mt19937_64 random(4);
  for (int i = 0; i < 5000; ++i) {  // whatever comes of it, nothing breaks
    std::string changed = whole;
    changed[random() % changed.size()] = static_cast<char>(random());
    (void)decode_batch(std::make_shared<const std::string>(std::move(changed)));
  }
}

}  // namespace
}  // namespace tollgate
