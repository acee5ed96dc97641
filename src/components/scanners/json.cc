// json_documents, json_array: JSON values of a stream.

#include <memory>

#include "component/build_context.h"
#include "component/resource.h"
#include "components/formats/json_stream.h"
#include "value/json.h"

namespace tollgate {
namespace {

// Configuration -----------------------------------------------------------------------------------

struct NoConfig {
  Node ignored = Node::map({});
};

const Schema<NoConfig>& schema() {
  static const Schema<NoConfig> fields{
      field("", &NoConfig::ignored, "Has no fields.").type_name("object"),
  };
  return fields;
}

// Implementation ----------------------------------------------------------------------------------

class Documents final : public Scanner {
 public:
  Result<> feed(std::string_view bytes, Batch& out) override {
    TRY(stream_.feed(bytes));
    return drain(out);
  }

  Result<> finish(Batch& out) override {
    stream_.finish();
    return drain(out);
  }

 private:
  Result<> drain(Batch& out) {
    std::string_view text;
    while (stream_.peek() != '\0' && stream_.take(text)) {
      const Value document =
          parse_json(out.arena().copy(text), out.arena(), {.keep_numbers = false, .message = true});
      if (document.is_error()) return invalid(std::string(document.as_text()));
      if (document.is_text()) {  // its bytes as a document would be the bare text
        out.add().set_bytes(out.arena().copy(text));
      } else {
        out.add().set_document(document);
      }
    }
    return {};
  }

  JsonStream stream_;
};

/// One array after another is allowed.
class Elements final : public Scanner {
 public:
  Result<> feed(std::string_view bytes, Batch& out) override {
    TRY(stream_.feed(bytes));
    return drain(out);
  }

  Result<> finish(Batch& out) override {
    stream_.finish();
    TRY(drain(out));
    if (expected_ == Expected::open && any_) return {};
    return invalid(any_ ? "failed to read closing token: unexpected EOF"
                        : "failed to read opening token: EOF");
  }

 private:
  enum class Expected : unsigned char { open, first_element, element, comma };

  Result<> drain(Batch& out) {
    while (const char next = stream_.peek()) {
      switch (expected_) {
        case Expected::open:
          if (next != '[') {
            return invalid(std::string("expected opening '[' but got ") + next);
          }
          stream_.skip();
          expected_ = Expected::first_element;
          any_ = true;
          break;
        case Expected::comma:
        case Expected::first_element:
          if (next == ']') {
            stream_.skip();
            expected_ = Expected::open;
            break;
          }
          if (expected_ == Expected::comma) {
            if (next != ',') {
              return invalid(std::string("failed to decode element: invalid character '") + next +
                             "' after array element");
            }
            stream_.skip();
          }
          expected_ = Expected::element;
          break;
        case Expected::element: {
          std::string_view text;
          if (!stream_.take(text)) return {};
          TRY(add(text, out));
          expected_ = Expected::comma;
          break;
        }
      }
    }
    return {};
  }

  Result<> add(std::string_view text, Batch& out) {
    scratch_.reset();
    const Value element = parse_json(text, scratch_, {.message = true});
    if (element.is_error()) {
      return invalid("failed to decode element: " + std::string(element.as_text()));
    }
    // As it was written: neither the order of keys nor numbers change.
    out.add().set_bytes(out.arena().copy(compact_json(text)));
    return {};
  }

  JsonStream stream_;
  Expected expected_ = Expected::open;
  bool any_ = false;
  Arena scratch_;
};

template <typename Made>
Result<ScannerFactory> make(NoConfig, BuildContext&) {
  return [](std::string_view) { return std::make_unique<Made>(); };
}

}  // namespace

// Registration ------------------------------------------------------------------------------------

extern constinit const ScannerType json_documents_scanner;
constinit const ScannerType json_documents_scanner = component_type<schema, make<Documents>>({
    .name = "json_documents",
    .summary = "Makes a message of each JSON document in a stream of them.",
    .description = "The documents need nothing between them. Numbers are read as 64-bit floats.",
});

extern constinit const ScannerType json_array_scanner;
constinit const ScannerType json_array_scanner = component_type<schema, make<Elements>>({
    .name = "json_array",
    .summary = "Makes a message of each element of a JSON array.",
    .description = "The array may be larger than memory. Another one may follow.",
});

}  // namespace tollgate
