// One execution: its graph, its tasks by state, and the steps that can be taken in it.

import { address, attempt, call, customer, latest } from "./control.js";
import { $, badge, el, time } from "./dom.js";
import { watch } from "./frame.js";
import { showGraph } from "./graph.js";

const EVERY = 2000;
const QUEUE = 6; // tasks of it that are named
const names = new Map();
const id = $("execution").dataset.id;
const path = `executions/${id}`;
let asked = 0;
let before = "";
let whose = customer;

async function ask(known) {
  asked = Date.now();
  const execution = known ?? (await call("GET", path));
  return [execution, await call("GET", "clock", { query: { customerId: execution.customerId } })];
}

const show = latest(ask, async ([execution, { now }]) => {
  whose = execution.customerId;
  $("as-of").replaceChildren("as of ", time(new Date().toISOString()));
  const shown = JSON.stringify(execution);
  const isRunning = execution.finished === null;
  if (shown === before && !isRunning) return;
  const hasChanged = shown !== before;
  before = shown;
  for (const button of [$("next"), $("end")]) button.disabled = !isRunning;
  $("state").replaceChildren(badge(execution.state));
  $("facts").replaceChildren(
    ...fact("Execution", el("code", {}, id)),
    ...fact("Workflow", el("a", { href: address("/__admin/ui/workflows", { workflowId: execution.workflowId }) }, names.get(execution.workflowId) ?? execution.workflowId)),
    ...fact("Customer", el("a", { href: `?customerId=${whose}` }, whose)),
    ...fact("Created", time(execution.created)),
    ...fact("Finished", time(execution.finished)),
    ...fact("Queue", queue(execution)),
  );
  showTasks(execution, Date.parse(execution.finished ?? now));
  $("execution").setAttribute("aria-busy", "false");
  if (hasChanged) await showGraph($("graph"), address(`/__admin/${path}/graph.svg`));
});

function queue({ executionQueue, tasks }) {
  const byId = new Map(tasks.map((task) => [task.id, task.name]));
  const first = executionQueue.slice(0, QUEUE).map((each) => byId.get(each.taskId));
  const more = executionQueue.length - first.length;
  return first.length ? first.join(", ") + (more ? ` and ${more} more` : "") : "empty";
}

const fact = (name, value) => [el("dt", {}, name), el("dd", {}, value)];

function showTasks(execution, end) {
  const begin = Date.parse(execution.created);
  const share = (moment) => `${(100 * (Date.parse(moment) - begin)) / Math.max(1, end - begin)}%`;
  const focused = document.activeElement?.dataset.step;
  $("tasks").replaceChildren(
    ...execution.tasks.map((task) => {
      const bar = task.queuedAt && el("span", { class: task.state });
      if (bar) {
        bar.style.left = share(task.queuedAt);
        bar.style.right = `calc(100% - ${task.finishedAt ? share(task.finishedAt) : "100%"})`;
      }
      const steps = task.state === "queued" || task.state === "running" ? [step(task, "complete"), " ", step(task, "fail")] : "";
      return el(
        "tr",
        {},
        el("td", {}, badge(task.state)),
        el("td", {}, task.name, task.isTrigger && el("small", { class: "muted" }, " trigger")),
        el("td", {}, el("div", { class: "timeline" }, bar)),
        el("td", {}, time(task.queuedAt)),
        el("td", {}, time(task.finishedAt)),
        el("td", { class: "mono" }, steps),
      );
    }),
  );
  if (focused) document.querySelector(`[data-step="${CSS.escape(focused)}"]`)?.focus();
}

const step = (task, word) =>
  el("button", { "data-step": `${word} ${task.id}`, "aria-label": `${word} ${task.name}`, onclick: () => take(`tasks/${task.id}/${word}`) }, word);

const take = (what, body) => attempt(async () => show(await call("POST", `${path}/${what}`, { body })));

$("next").addEventListener("click", () => take("advance", { to: "next" }));
$("end").addEventListener("click", () => take("advance", { to: "end" }));
$("hour").addEventListener("click", () =>
  attempt(async () => {
    await call("PUT", "clock", { query: { customerId: whose }, body: { action: "advance", by: "1h" } });
    await show();
  }),
);

watch((digest) => digest.kinds.some((kind) => ["execution", "clock", "reset"].includes(kind)) && show().catch(() => {}));
for (const workflow of (await call("GET", "workflows").catch(() => ({ workflows: [] }))).workflows) names.set(workflow.id, workflow.name);
attempt(show);
setInterval(() => document.hidden || Date.now() - asked < EVERY || show().catch(() => {}), 500);
