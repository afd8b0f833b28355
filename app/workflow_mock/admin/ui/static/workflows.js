// What can be started, drawn; and a start of it.

import { address, attempt, call, curl, customer, EXAMPLE_CUSTOMER, goodToken, startBody, startPath } from "./control.js";
import { $, badge, codeBlock, el } from "./dom.js";
import { watch } from "./frame.js";
import { showGraph } from "./graph.js";

const form = $("start");
let workflows = [];
let chosen = null;

async function show() {
  workflows = (await call("GET", "workflows")).workflows;
  $("count").textContent = String(workflows.length);
  $("empty").hidden = workflows.length > 0;
  $("workflows").replaceChildren(
    ...workflows.map(({ id, name, tasks, customers }) =>
      el(
        "li",
        {},
        el("a", { class: "grow", href: address("/__admin/ui/workflows", { workflowId: id }), "data-id": id }, name),
        el("span", { class: "muted" }, tasks === 1 ? "1 task" : `${tasks.toLocaleString("en")} tasks`),
        customers && el("span", { class: "muted" }, customers.length === 1 ? "1 customer" : `${customers.length} customers`),
      ),
    ),
  );
  const wanted = $("workflows").dataset.selected;
  const first = workflows.find((each) => each.id === wanted) ?? workflows[0];
  if (first) await choose(first);
}

async function choose(workflow) {
  chosen = workflow;
  for (const link of $("workflows").querySelectorAll("a")) link.toggleAttribute("aria-current", link.dataset.id === workflow.id);
  $("name").textContent = workflow.name;
  $("id").textContent = workflow.id;
  form.elements.customer.value ||= customer ?? workflow.customers?.[0] ?? EXAMPLE_CUSTOMER;
  $("answer").replaceChildren();
  $("workflow").hidden = false;
  showCurl();
  await showGraph($("graph"), address(`/__admin/workflows/${workflow.id}/graph.svg`));
}

function showCurl() {
  const headers = { Authorization: "Bearer $TOKEN", "Content-Type": "application/json" };
  $("curl").textContent = curl("POST", location.origin + startPath(form.elements.customer.value, chosen.id), headers, startBody(chosen.id));
}

async function start() {
  const response = await fetch(startPath(form.elements.customer.value.trim(), chosen.id), {
    method: "POST",
    headers: { Authorization: `Bearer ${await goodToken()}`, "Content-Type": "application/json" },
    body: startBody(chosen.id),
  });
  const text = await response.text();
  const isGood = response.status === 200;
  const record = isGood ? JSON.parse(text).data : null;
  $("answer").replaceChildren(
    el("p", {}, badge(response.status, isGood ? "ok" : "refused"), " ", record && el("a", { href: address(`/__admin/ui/executions/${record.id}`) }, "The execution")),
    codeBlock(isGood ? JSON.stringify(JSON.parse(text), null, 2) : text, "The answer"),
  );
}

$("workflows").addEventListener("click", (event) => {
  const link = event.target.closest("a");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  history.replaceState(null, "", link.href);
  attempt(() => choose(workflows.find((each) => each.id === link.dataset.id)));
});
form.addEventListener("input", showCurl);
form.addEventListener("submit", (event) => {
  event.preventDefault();
  attempt(start);
});

watch((digest) => digest.kinds.includes("reset") && attempt(show));
attempt(show);
