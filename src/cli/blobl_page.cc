// The page of `blobl server`, one document without anything from outside.

#include "cli/blobl.h"

namespace tollgate {

namespace {

// Cut where the texts go; see blobl_page().
constexpr std::string_view kBeforeMapping = R"html(<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Tollgate: mapping</title>
<style>
:root { color-scheme: light dark; --ground: #f7f7f5; --card: #fff; --text: #1d2125;
  --soft: #5c646c; --line: #dfe1e0; --focus: #2563b0; --warn: #b02a37; }
@media (prefers-color-scheme: dark) { :root { --ground: #14171a; --card: #1c2024; --text: #e8eaec;
  --soft: #a2abb3; --line: #333a40; --focus: #6ea8ff; --warn: #ff8088; } }
* { box-sizing: border-box; }
body { margin: 0; height: 100vh; display: grid; gap: 12px; padding: 12px;
  grid-template: "head head" auto "mapping input" 1fr "mapping output" 1fr / 1fr 1fr;
  background: var(--ground); color: var(--text);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; }
header { grid-area: head; display: flex; gap: 16px; align-items: baseline; }
h1 { font-size: 17px; margin: 0; }
#state { color: var(--soft); font-size: 13px; }
section { display: flex; flex-direction: column; min-width: 0; min-height: 0;
  background: var(--card); border: 1px solid var(--line); border-radius: 8px; overflow: hidden; }
h2 { font-size: 13px; font-weight: 600; margin: 0; padding: 6px 12px; color: var(--soft);
  border-bottom: 1px solid var(--line); }
textarea, pre { flex: 1; margin: 0; padding: 10px 12px; border: 0; background: none;
  color: inherit; resize: none; overflow: auto; tab-size: 2;
  font: 13px/1.55 ui-monospace, "DejaVu Sans Mono", monospace; }
textarea:focus { outline: 2px solid var(--focus); outline-offset: -2px; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; }
pre.bad { color: var(--warn); white-space: pre; }
@media (max-width: 760px) { body { height: auto; grid-template: "head" auto "mapping" 40vh
  "input" 30vh "output" 30vh / 1fr; } }
</style>
</head>
<body>
<header><h1>Try a mapping</h1><span id="state" role="status"></span></header>
<section style="grid-area: mapping"><h2><label for="mapping">Mapping</label></h2>
<textarea id="mapping" spellcheck="false" autofocus>
)html";

constexpr std::string_view kBeforeInput = R"html(</textarea></section>
<section style="grid-area: input"><h2><label for="input">Document</label></h2>
<textarea id="input" spellcheck="false">
)html";

constexpr std::string_view kEnd = R"html(</textarea></section>
<section style="grid-area: output"><h2 id="what">Result</h2>
<pre id="output" aria-labelledby="what" aria-live="polite"></pre></section>
<script>
const part = id => document.getElementById(id);
const mapping = part("mapping"), input = part("input"), output = part("output");
let asked = 0, timer = 0;
function show(title, text, bad) {
  part("what").textContent = title;
  output.textContent = text;
  output.classList.toggle("bad", bad);
}
async function run() {
  const mine = ++asked;
  try {
    const answer = await fetch("execute", {method: "POST",
      body: JSON.stringify({mapping: mapping.value, input: input.value})});
    const said = answer.ok ? await answer.json() : {parse_error: await answer.text()};
    if (mine !== asked) return;
    part("state").textContent = "";
    if (said.parse_error) show("The mapping does not parse", said.parse_error, true);
    else if (said.mapping_error) show("The mapping failed", said.mapping_error, true);
    else show("Result", said.result, false);
  } catch (error) {
    if (mine === asked) part("state").textContent = "The server does not answer.";
  }
}
for (const area of [mapping, input]) {
  area.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(run, 150); });
  area.addEventListener("keydown", event => {
    if (event.key !== "Tab" || event.shiftKey || event.ctrlKey || event.altKey) return;
    event.preventDefault();
    area.setRangeText("  ", area.selectionStart, area.selectionEnd, "end");
  });
}
run();
</script>
</body>
</html>
)html";

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '&') {
      out += "&amp;";
    } else if (c == '<') {
      out += "&lt;";
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace

// The line break that each textarea begins with is no part of its text.
std::string blobl_page(std::string_view mapping, std::string_view input) {
  return std::string(kBeforeMapping) + escaped(mapping) + std::string(kBeforeInput) +
         escaped(input) + std::string(kEnd);
}

}  // namespace tollgate
