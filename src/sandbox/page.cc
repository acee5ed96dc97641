// The page of the sandbox, one document without anything from outside.

#include "sandbox/sandbox.h"

namespace tollgate {

namespace {

constexpr std::string_view kPage = R"html(<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Tollgate sandbox</title>
<style>
:root {
  color-scheme: light dark;
  --ground: #f7f7f5; --card: #ffffff; --text: #1d2125; --soft: #5c646c; --line: #dfe1e0;
  --s0: #2563b0; --s1: #c2570c; --s2: #12805c; --s3: #a3307a; --s4: #6d5bd0; --s5: #8a6d00;
  --s6: #b02a37; --s7: #52606d; --warn: #b02a37;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #14171a; --card: #1c2024; --text: #e8eaec; --soft: #a2abb3; --line: #333a40;
    --s0: #6ea8ff; --s1: #f59a56; --s2: #4ecb9c; --s3: #ee88c5; --s4: #a99bff; --s5: #dcb93c;
    --s6: #ff8088; --s7: #9fb0bf; --warn: #ff8088;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--text);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; }
main, header { max-width: 1120px; margin: 0 auto; padding: 0 20px; }
header { display: flex; flex-wrap: wrap; align-items: baseline; gap: 6px 16px; padding-top: 24px; }
h1 { font-size: 21px; margin: 0; letter-spacing: -0.01em; }
h2 { font-size: 15px; margin: 0; }
#state { color: var(--soft); }
#state::before { content: ""; display: inline-block; width: 9px; height: 9px; border-radius: 50%;
  margin-right: 7px; background: var(--s2); }
#state.off::before { background: var(--warn); }
.totals { display: grid; grid-template-columns: repeat(auto-fit, minmax(140px, 1fr)); gap: 12px;
  margin: 18px 0 0; padding: 0; }
.totals div, section { background: var(--card); border: 1px solid var(--line); border-radius: 8px; }
.totals div { padding: 10px 14px; }
dt { color: var(--soft); font-size: 13px; }
dd { margin: 0; font-size: 23px; font-variant-numeric: tabular-nums; letter-spacing: -0.01em; }
dd.bad { color: var(--warn); }
section { margin: 16px 0; padding: 16px; overflow-x: auto; }
.bar { display: flex; flex-wrap: wrap; gap: 8px 18px; align-items: center; margin-bottom: 12px; }
.bar h2 { margin-right: auto; }
label { color: var(--soft); font-size: 13px; }
select, input, button { font: inherit; font-size: 14px; color: var(--text); background: var(--ground);
  border: 1px solid var(--line); border-radius: 6px; padding: 4px 8px; margin-left: 5px; }
:focus-visible { outline: 2px solid var(--s0); outline-offset: 2px; }
svg { display: block; width: 100%; height: 240px; }
svg text { fill: var(--soft); font-size: 12px; }
svg .grid { stroke: var(--line); }
#legend { display: flex; flex-wrap: wrap; gap: 4px 18px; margin: 10px 0 0; padding: 0; list-style: none;
  font-size: 13px; }
#legend i { display: inline-block; width: 11px; height: 11px; border-radius: 3px; margin-right: 6px; }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: 5px 12px 5px 0; border-top: 1px solid var(--line);
  white-space: nowrap; }
thead th { border-top: 0; color: var(--soft); font-weight: 500; font-size: 13px; }
tbody th { font-weight: 400; }
#meters th { white-space: normal; }
.n { text-align: right; padding-right: 0; }
td.data { min-width: 20em; font: 12.5px/1.5 ui-monospace, "DejaVu Sans Mono", monospace; white-space: normal;
  word-break: break-word; color: var(--soft); }
.empty { color: var(--soft); margin: 0; }
code { font: 13px ui-monospace, "DejaVu Sans Mono", monospace; }
.split > * { min-width: 0; }
.split { display: grid; grid-template-columns: 3fr 2fr; gap: 0 16px; align-items: start; }
@media (max-width: 800px) { .split { grid-template-columns: 1fr; } }
[hidden] { display: none !important; }
</style>
</head>
<body>
<header>
  <h1>Tollgate sandbox</h1>
  <span id="state" role="status">connecting</span>
</header>
<main>
  <form id="login" hidden>
    <section><label>This sandbox wants its token
      <input id="token" type="password" autocomplete="off"></label>
      <button>Use it</button></section>
  </form>
  <dl class="totals" aria-label="Totals">
    <div><dt>Stored events</dt><dd id="stored">0</dd></div>
    <div><dt>Events per second</dt><dd id="rate">0</dd></div>
    <div><dt>Duplicates dropped</dt><dd id="duplicates">0</dd></div>
    <div><dt>Conflicts</dt><dd id="conflicts">0</dd></div>
    <div><dt>Refused requests</dt><dd id="rejected">0</dd></div>
    <div><dt>Requests</dt><dd id="requests">0</dd></div>
  </dl>
  <section aria-labelledby="usage-title">
    <div class="bar">
      <h2 id="usage-title">Usage by subject</h2>
      <label>Meter<select id="meter"></select></label>
      <label>Period<select id="period">
        <option value="MINUTE 30">30 minutes</option>
        <option value="HOUR 24">24 hours</option>
        <option value="DAY 30">30 days</option>
      </select></label>
    </div>
    <p class="empty" id="no-usage">No events in this period yet. Send some, or choose a longer one.</p>
    <svg id="chart" role="img" aria-labelledby="usage-title" hidden></svg>
    <ul id="legend"></ul>
  </section>
  <div class="split">
    <section aria-labelledby="group-title">
      <div class="bar">
        <h2 id="group-title">All usage</h2>
        <label>By<select id="group"></select></label>
      </div>
      <table><thead><tr><th scope="col">Subject</th><th scope="col" id="group-name"></th>
        <th scope="col" class="n">Value</th></tr></thead><tbody id="groups"></tbody></table>
    </section>
    <section aria-labelledby="meters-title">
      <div class="bar"><h2 id="meters-title">Meters</h2></div>
      <table><thead><tr><th scope="col">Meter</th><th scope="col">Aggregation</th>
        <th scope="col" class="n">Total</th></tr></thead><tbody id="meters"></tbody></table>
    </section>
  </div>
  <section aria-labelledby="last-title">
    <div class="bar"><h2 id="last-title">Last events</h2></div>
    <table><thead><tr><th scope="col">Time</th><th scope="col">Subject</th><th scope="col">Type</th>
      <th scope="col">Data</th></tr></thead><tbody id="events"></tbody></table>
  </section>
</main>
)html" R"html(<script>
"use strict";
const $ = id => document.getElementById(id);
const span = { MINUTE: 60e3, HOUR: 3600e3, DAY: 86400e3 };
const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 2 });
const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
let meters = [], before = null, token = sessionStorage.getItem("token") || "";

async function get(path) {
  const headers = token ? { Authorization: "Bearer " + token } : {};
  const answer = await fetch(path, { headers, cache: "no-store" });
  $("login").hidden = answer.status !== 401;
  if (!answer.ok) throw new Error(answer.status === 401 ? "token needed" : "HTTP " + answer.status);
  return answer.json();
}
function make(name, attributes, text) {
  const svg = ["line", "rect", "text", "title"].includes(name);
  const element = svg ? document.createElementNS("http://www.w3.org/2000/svg", name)
                      : document.createElement(name);
  for (const key in attributes) element.setAttribute(key, attributes[key]);
  if (text !== undefined) element.textContent = text;
  return element;
}
function fill(body, rows, nothing, columns) {
  body.replaceChildren(...rows.map(cells => {
    const row = make("tr");
    cells.forEach((cell, i) => row.append(typeof cell === "object" ? cell
      : make(i ? "td" : "th", i ? {} : { scope: "row" }, cell)));
    return row;
  }));
  if (rows.length) return;
  const row = make("tr");
  row.append(make("td", { colspan: columns, class: "empty" }, nothing));
  body.append(row);
}
const number = value => make("td", { class: "n" }, whole.format(value));
const meter = () => meters.find(m => m.slug === $("meter").value) || meters[0];
const adds = m => m.aggregation === "COUNT" || m.aggregation === "SUM";

async function totals() {
  const stats = await get("/api/v1/sandbox/stats");
  for (const key of ["stored", "duplicates", "conflicts", "rejected", "requests"])
    $(key).textContent = whole.format(stats[key]);
  $("conflicts").className = stats.conflicts ? "bad" : "";
  $("rejected").className = stats.rejected ? "bad" : "";
  const now = performance.now();
  if (before) $("rate").textContent =
    short.format(Math.max(0, (stats.stored - before.stored) / (now - before.at) * 1000));
  before = { stored: stats.stored, at: now };
}

async function chart() {
  const [size, count] = $("period").value.split(" "), step = span[size];
  const last = Math.floor(Date.now() / step) * step, first = last - (count - 1) * step;
  const usage = await get(`/api/v1/meters/${meter().slug}/query?windowSize=${size}&groupBy=subject`
    + `&from=${new Date(first).toISOString()}&to=${new Date(last + step).toISOString()}`);
  const sums = new Map();
  for (const row of usage.data) sums.set(row.subject, (sums.get(row.subject) || 0) + row.value);
  const order = [...sums.keys()].sort((a, b) => sums.get(b) - sums.get(a));
  const named = order.slice(0, 7), others = order.length > 7;
  const stacked = adds(meter());
  const bins = Array.from({ length: +count }, () => []);
  for (const row of usage.data) {
    const bin = bins[Math.round((Date.parse(row.windowStart) - first) / step)];
    if (!bin) continue;
    const at = named.indexOf(row.subject), i = at < 0 ? 7 : at;
    bin[i] = stacked ? (bin[i] || 0) + row.value : Math.max(bin[i] ?? -Infinity, row.value);
  }
  draw(bins, named, others, stacked, first, step, size);
}

function draw(bins, named, others, stacked, first, step, size) {
  const svg = $("chart"), none = !bins.some(bin => bin.length);
  svg.toggleAttribute("hidden", none);
  $("no-usage").hidden = !none;
  if (none) return $("legend").replaceChildren();
  const width = svg.clientWidth || 1000, height = 240, left = 52, bottom = 24, top = 12;
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  const most = Math.max(1e-9, ...bins.map(bin => bin.reduce(
    (sum, v) => stacked ? sum + (v || 0) : Math.max(sum, v || 0), 0)));
  const unit = 10 ** Math.floor(Math.log10(most));
  const ceiling = [1, 2, 2.5, 5, 10].map(f => f * unit).find(v => v >= most) || most;
  const y = v => top + (height - bottom - top) * (1 - v / ceiling);
  const parts = [];
  for (let i = 0; i <= 4; ++i) {
    const v = ceiling * i / 4;
    parts.push(make("line", { class: "grid", x1: left, x2: width, y1: y(v), y2: y(v) }));
    parts.push(make("text", { x: left - 8, y: y(v) + 4, "text-anchor": "end" }, short.format(v)));
  }
  const room = (width - left) / bins.length, every = Math.ceil(bins.length / Math.max(2, width / 110));
  bins.forEach((bin, i) => {
    const at = new Date(first + i * step), x = left + i * room;
    const label = size === "DAY" ? at.toISOString().slice(5, 10) : at.toISOString().slice(11, 16);
    if (i % every === 0 && x + 40 < width)
      parts.push(make("text", { x, y: height - 6 }, label));
    let base = 0;
    const thin = room * 0.84 / (stacked ? 1 : 8);
    bin.forEach((value, s) => {
      if (value === undefined) return;
      const from = stacked ? base : 0, to = from + Math.max(0, value);
      base = to;
      const bar = make("rect", { x: x + room * 0.08 + (stacked ? 0 : s * thin), width: Math.max(1, thin),
        y: y(to), height: Math.max(0.5, y(from) - y(to)), fill: `var(--s${s})` });
      bar.append(make("title", {}, `${named[s] || "others"}, ${label} UTC: ${whole.format(value)}`));
      parts.push(bar);
    });
  });
  svg.replaceChildren(...parts);
  $("legend").replaceChildren(...named.concat(others ? ["others"] : []).map((name, s) => {
    const item = make("li");
    item.append(make("i", { style: `background:var(--s${s})` }), name);
    return item;
  }));
}

async function groups() {
  const group = $("group").value;
  const usage = await get(`/api/v1/meters/${meter().slug}/query?groupBy=subject`
    + (group ? "&groupBy=" + encodeURIComponent(group) : ""));
  $("group-name").textContent = group;
  const rows = usage.data.sort((a, b) => b.value - a.value).slice(0, 20);
  fill($("groups"), rows.map(row =>
    [row.subject, group ? String(row.groupBy[group] ?? "—") : "", number(row.value)]), "No usage yet.", 3);
}

async function all() {
  const rows = await Promise.all(meters.map(async m => {
    const usage = await get(`/api/v1/meters/${m.slug}/query`);
    return [m.name, m.aggregation, usage.data.length ? number(usage.data[0].value)
                                                     : make("td", { class: "n" }, "—")];
  }));
  fill($("meters"), rows, "No meters.", 3);
}

async function events() {
  const list = await get("/api/v1/events?limit=12");
  fill($("events"), list.map(({ event }) => [event.time.replace("T", " ").replace(/\.\d+/, ""),
    event.subject, event.type, make("td", { class: "data" }, JSON.stringify(event.data ?? null))]),
    "No events yet.", 4);
}

function groupChoices() {
  const old = $("group").value, names = Object.keys(meter().groupBy);
  $("group").replaceChildren(...names.concat("").map(name =>
    make("option", { value: name }, name || "subject only")));
  $("group").value = names.includes(old) || old === "" && $("group").dataset.set ? old : names[0] ?? "";
  $("group").dataset.set = "1";
}

let again = 0;
async function refresh() {
  clearTimeout(again);
  try {
    if (!meters.length) {
      meters = await get("/api/v1/meters");
      $("meter").replaceChildren(...meters.map(m => make("option", { value: m.slug }, m.name)));
      groupChoices();
    }
    await totals();
    await Promise.all([chart(), groups(), all(), events()]);
    if ($("state").textContent !== "live") $("state").textContent = "live";
    $("state").className = "";
  } catch (error) {
    $("state").textContent = error.message === "token needed" ? "a token is needed"
                                                              : "no connection: " + error.message;
    $("state").className = "off";
  }
  clearTimeout(again);
  again = setTimeout(refresh, document.hidden ? 15000 : 2000);
}
$("meter").addEventListener("change", () => { groupChoices(); refresh(); });
for (const id of ["period", "group"]) $(id).addEventListener("change", refresh);
document.addEventListener("visibilitychange", refresh);
$("login").addEventListener("submit", event => {
  event.preventDefault();
  token = $("token").value;
  sessionStorage.setItem("token", token);
  refresh();
});
refresh();
</script>
</body>
</html>
)html";

}  // namespace

std::string_view sandbox_page() { return kPage; }

}  // namespace tollgate
