// The executions, newest first. Their state follows the clock without an event, so the list says when it was asked for.

import { address, attempt, call, latest } from "./control.js";
import { $, arrange, badge, el, time } from "./dom.js";
import { watch } from "./frame.js";

const EVERY = 2000;
const parameters = new URLSearchParams(location.search);
const filters = { state: parameters.get("state"), workflowId: parameters.get("workflowId") };
const names = new Map();
const rows = new Map();
let limit = 100;
let asked = 0;
let news = true;

function row(execution) {
  const shown = JSON.stringify(execution);
  const known = rows.get(execution.id);
  if (known?.shown === shown) return known.item;
  const item = el(
    "tr",
    {},
    el("td", {}, badge(execution.state)),
    el("td", {}, names.get(execution.workflowId) ?? execution.workflowId),
    el("td", { class: "mono" }, el("a", { href: address(`/__admin/ui/executions/${execution.id}`) }, execution.id.slice(0, 8))),
    el("td", { class: "mono", title: execution.customerId }, execution.customerId.slice(0, 8)),
    el("td", {}, time(execution.created)),
    el("td", {}, time(execution.finished)),
  );
  known?.item.replaceWith(item);
  rows.set(execution.id, { item, shown });
  return item;
}

function ask() {
  asked = Date.now();
  news = false;
  return call("GET", "executions", { query: { ...filters, limit, order: "desc" } });
}

const show = latest(ask, (page) => {
  arrange($("executions"), page.executions.map(row));
  $("empty").hidden = page.executions.length > 0;
  $("older").hidden = page.next === null || limit >= 1000;
  $("as-of").replaceChildren("as of ", time(new Date().toISOString()));
});

$("older").addEventListener("click", () => {
  limit = Math.min(1000, limit + 100);
  attempt(show);
});

watch((digest) => {
  news ||= digest.kinds.length > 0;
  if (news && Date.now() - asked > 500) show().catch(() => {});
});
for (const { id, name } of (await call("GET", "workflows").catch(() => ({ workflows: [] }))).workflows) names.set(id, name);
attempt(show);
setInterval(() => document.hidden || Date.now() - asked < EVERY || show().catch(() => {}), 500);
