// tar: makes a message of each file of a tape archive.

#include "components/formats/tar.h"

#include <memory>

#include "component/build_context.h"
#include "component/resource.h"

namespace tollgate {
namespace {

struct Config {
  Node ignored = Node::map({});
};

const Schema<Config>& schema() {
  static const Schema<Config> fields{
      field("", &Config::ignored, "Has no fields.").type_name("object"),
  };
  return fields;
}

class Tar final : public Scanner {
 public:
  Result<> feed(std::string_view bytes, Batch& out) override {
    return reader_.feed(bytes, [&out](std::string_view name, std::string_view content) {
      Message& message = out.add();
      message.set_bytes(out.arena().copy(content));
      message.set_metadata("tar_name", Value::string(name));
    });
  }

  Result<> finish(Batch&) override { return reader_.finish(); }

 private:
  TarReader reader_;
};

Result<ScannerFactory> make(Config, BuildContext&) {
  return [](std::string_view) { return std::make_unique<Tar>(); };
}

}  // namespace

extern constinit const ScannerType tar_scanner;
constinit const ScannerType tar_scanner = component_type<schema, make>({
    .name = "tar",
    .summary = "Makes a message of each file of a tape archive.",
    .description = "The metadata `tar_name` is the file's name.",
});

}  // namespace tollgate
