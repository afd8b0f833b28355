// The first page: where clients point, what they sent and got, and one request beside it.

import { address, attempt, call, curl, customer, EXAMPLE_CUSTOMER, goodToken, startBody, startPath } from "./control.js";
import { $, ago, arrange, badge, el, seconds, time } from "./dom.js";
import { showEntry } from "./entry.js";
import { watch } from "./frame.js";

const SHOWN = 300; // lines at once; older ones come on demand
const TRIED_AGAIN = new Set([0, 401, 408, 425, 429]);
const ONE_CALL = 15 * 60_000;

const parameters = new URLSearchParams(location.search);
const onlyFailed = parameters.get("failed") === "true";
const rows = new Map(); // number → its list item and what it shows
let lines = new Map(); // number → line
let gaps = new Map(); // number of the line above → requests that aren't shown below it
let selected = $("pane").dataset.request || null;
let room = SHOWN;

/** Put attempts of one call together: a client asks for the same again after it didn't get through. Newest first. */
function calls(sorted) {
  const latest = new Map();
  const found = [];
  for (const line of sorted) {
    const key = JSON.stringify([line.operation, line.name, line.workflowId, line.customerId, line.userAgent]);
    const earlier = latest.get(key);
    const last = earlier?.at(-1);
    const isAgain = last && (TRIED_AGAIN.has(last.status) || last.status >= 500 || last.outcome === "lost");
    if (isAgain && begin(line) - Date.parse(last.time) < ONE_CALL) {
      earlier.push(line);
    } else {
      latest.set(key, [line]);
      found.push(latest.get(key));
    }
  }
  return found.sort((one, other) => other.at(-1).number - one.at(-1).number);
}

const begin = (line) => Date.parse(line.time) - line.milliseconds;

function waited(earlier, later) {
  const wait = begin(later) - Date.parse(earlier.time);
  const asked = Number.parseFloat(earlier.retryAfter);
  if (Number.isNaN(asked)) return [`tried again after ${seconds(wait)}`];
  const early = asked * 1000 - wait;
  return [
    `tried again after ${seconds(wait)}; Retry-After asked for ${asked} s: `,
    early > 5 ? el("span", { class: "early" }, `${seconds(early)} too early`) : el("span", { class: "kept" }, "kept"),
  ];
}

function row(line, { attempts = 1, earlier = false, wait = null } = {}) {
  const shown = JSON.stringify([line, attempts, earlier, wait && waited(wait, line).map(String), line.id === selected]);
  const known = rows.get(line.number);
  if (known?.shown === shown) return known.item;
  const waits = !line.status && !line.milliseconds;
  const word = line.outcome === "lost" ? "lost" : waits ? "waits" : line.status || "–";
  const link = el(
    "a",
    { class: `line ${known ? "" : "new"}`, href: address("/__admin/", { failed: onlyFailed, request: line.id }), "aria-current": line.id === selected && "true", "data-id": line.id },
    time(line.time, { milliseconds: true }),
    badge(word, waits ? "running" : line.outcome),
    el("span", { class: "what" }, line.name, el("small", {}, line.operation === "token" ? "token" : (line.customerId ?? "").slice(0, 8)), attempts > 1 && el("small", {}, `attempt ${attempts}`)),
    el("span", { class: "took" }, `${line.milliseconds.toFixed(1)} ms`),
    line.because && el("span", { class: "because" }, line.because),
  );
  const item = el("li", { class: earlier && "earlier" }, link, wait && el("div", { class: "wait" }, ...waited(wait, line)));
  const hadFocus = known?.item.contains(document.activeElement);
  if (known) known.item.replaceWith(item);
  if (hadFocus) link.focus();
  rows.set(line.number, { item, shown });
  return item;
}

function show() {
  const sorted = [...lines.values()].sort((one, other) => one.number - other.number).slice(-room);
  lines = new Map(sorted.map((line) => [line.number, line]));
  const items = [];
  for (const attempts of calls(sorted)) {
    attempts.reverse().forEach((line, index) => {
      items.push(row(line, { attempts: attempts.length - index, earlier: index > 0, wait: attempts[index + 1] }));
      if (gaps.has(line.number)) items.push(gap(line.number));
    });
  }
  for (const number of rows.keys()) if (!lines.has(number)) rows.delete(number);
  for (const number of gaps.keys()) if (!lines.has(number)) gaps.delete(number);
  arrange($("lines"), items);
  $("empty").hidden = sorted.length > 0;
  const newest = sorted.at(-1);
  if (newest && (!last || Date.parse(newest.time) >= Date.parse(last.time))) last = newest;
}

const gapItems = new Map();
function gap(number) {
  if (!gapItems.has(number)) gapItems.set(number, el("li", { class: "gap" }));
  const item = gapItems.get(number);
  item.textContent = `${gaps.get(number).toLocaleString("en")} more`;
  return item;
}

function onDigest(digest, isFirst) {
  if (digest.kinds.includes("reset") || (isFirst && !onlyFailed)) {
    lines = new Map();
    gaps = new Map();
  }
  const wanted = digest.lines.filter((line) => !onlyFailed || line.failed);
  for (const line of wanted) lines.set(line.number, line);
  if (digest.more && !isFirst && !onlyFailed && wanted.length) gaps.set(wanted[0].number, digest.more);
  if (isFirst) $("older").hidden = digest.more === 0 && !onlyFailed;
  $("count").textContent = `${digest.total.toLocaleString("en")} kept`;
  show();
  if (isFirst && onlyFailed) attempt(older);
  if (digest.total === 0) attempt(firstRequest);
  else $("first").hidden = true;
  if (wanted.some((line) => line.id === selected)) attempt(() => showEntry(selected));
}

async function older() {
  const cursor = lines.size ? Math.min(...lines.keys()) : null;
  const page = await call("GET", "requests/lines", { query: { failed: onlyFailed, cursor, limit: 100 } });
  room += page.lines.length;
  for (const line of page.lines) lines.set(line.number, line);
  $("older").hidden = page.next === null;
  show();
}

async function firstRequest() {
  if (!$("first").hidden) return;
  $("first").hidden = false;
  const { workflows } = await call("GET", "workflows");
  if (!workflows.length) return;
  const who = customer ?? workflows[0].customers?.[0] ?? EXAMPLE_CUSTOMER;
  const headers = { Authorization: `Bearer ${await goodToken()}`, "Content-Type": "application/json" };
  $("first-curl").textContent = curl("POST", $("base").textContent + startPath(who, workflows[0].id), headers, startBody(workflows[0].id));
}

// Which one

async function select(id) {
  selected = id;
  history.replaceState(null, "", address("/__admin/", { failed: onlyFailed, request: id }));
  show();
  if (id) await attempt(() => showEntry(id));
  else $("pane").hidden = true;
}

$("lines").addEventListener("click", (event) => {
  const link = event.target.closest("a.line");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  select(link.dataset.id).then(() => innerWidth < 1080 && $("pane").scrollIntoView());
});
$("lines").addEventListener("keydown", (event) => {
  const step = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1 }[event.key];
  if (!step) return;
  const links = [...$("lines").querySelectorAll("a.line")];
  links[links.indexOf(document.activeElement) + step]?.focus();
  event.preventDefault();
});
addEventListener("keydown", (event) => event.key === "Escape" && selected && select(null));
$("pane").addEventListener("close", () => select(null));
$("older").addEventListener("click", () => attempt(older));

// When the last came

let last = null;
const skew = { of: 0 };
setInterval(() => {
  if (!last) return;
  const from = last.userAgent ?? "a client without User-Agent";
  $("last").textContent = `${ago(Math.max(0, Date.now() - Date.parse(last.time) - skew.of))}, from ${from}`;
}, 500);

watch(onDigest);
if (selected) attempt(() => showEntry(selected));
