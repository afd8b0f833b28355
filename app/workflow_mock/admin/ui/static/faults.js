// The faults in force, and recipes that show the JSON they send.

import { attempt, call, latest } from "./control.js";
import { $, badge, el, notice } from "./dom.js";
import { showChanges, watch } from "./frame.js";

const RECIPES = {
  "503 once, with Retry-After": { status: 503, retryAfter: "5s", times: 1 },
  "Lose the answer after the work": { when: "afterCommit", fault: "CONNECTION_RESET_BY_PEER", times: 1 },
  "A quota: 10 a minute": { quota: { limit: 10, window: "1m" } },
  "Slow: 3 s": { fixedDelayMilliseconds: 3000, times: 1 },
  "A gateway’s HTML": { status: 502, body: "<html><body><h1>502 Bad Gateway</h1></body></html>", contentType: "text/html", times: 1 },
  "Body cut short": { truncateBodyAt: 100, times: 1 },
  "No token": { status: 503, matcher: { operation: "token" }, times: 1 },
  "503, 429, then good": { sequence: [{ status: 503, retryAfter: "1s" }, { status: 429 }, {}] },
  "Hold the next call": { hold: "30s", times: 1 },
  "One in five fails": { status: 500, probability: 0.2, seed: 1 },
};
const HIDDEN = new Set(["id", "created", "isPermanent", "over", "matched", "injected", "warnings"]);

const show = latest(() => call("GET", "faults"), ({ faults }) => {
  $("count").textContent = faults.length ? String(faults.length) : "";
  $("empty").hidden = faults.length > 0;
  $("remove-all").hidden = faults.length === 0;
  $("faults").replaceChildren(
    ...faults.map((fault) => {
      const spec = given(Object.fromEntries(Object.entries(fault).filter(([name]) => !HIDDEN.has(name))));
      return el(
        "li",
        {},
        fault.over ? badge("over", "") : fault.injected ? badge("injected", "fault") : badge("never injected", "idle"),
        el("span", { class: "grow muted" }, `matched ${fault.matched.toLocaleString("en")}, injected ${fault.injected.toLocaleString("en")}`, fault.isPermanent && " · the catalogue’s"),
        el("button", { onclick: () => change("DELETE", `faults/${fault.id}`), "aria-label": `Remove the fault ${fault.id}` }, "Remove"),
        fault.warnings.map((each) => el("p", { class: "error" }, each)),
        el("pre", { tabIndex: 0, "aria-label": "The fault" }, JSON.stringify(spec)),
      );
    }),
  );
});

const DEFAULTS = { when: "before", probability: 1, code: "injected_fault", message: "A fault that was asked for at /__admin/faults" };

/** A fault's members without those that nobody gave. */
function given(spec) {
  const shown = (value) => (Array.isArray(value) ? value.map(shown) : value?.constructor === Object ? given(value) : value);
  const members = Object.entries(spec).map(([name, value]) => [name, shown(value)]);
  const isGiven = ([name, value]) => value !== null && value !== 0 && value !== DEFAULTS[name] && !(typeof value === "object" && !Object.keys(value).length);
  return Object.fromEntries(members.filter(isGiven));
}

const change = (method, path, body) =>
  attempt(async () => {
    await call(method, path, { body });
    await Promise.all([show(), showChanges()]);
  });

for (const [name, spec] of Object.entries(RECIPES)) {
  $("recipes").append(el("button", { type: "button", onclick: () => { $("spec").value = JSON.stringify(spec, null, 2); $("spec").focus(); } }, name));
}
$("spec").value = JSON.stringify(RECIPES["503 once, with Retry-After"], null, 2);
$("remove-all").addEventListener("click", () => change("DELETE", "faults"));
$("inject").addEventListener("submit", (event) => {
  event.preventDefault();
  let spec;
  try {
    spec = JSON.parse($("spec").value);
  } catch (error) {
    notice(`This isn’t JSON: ${error.message}`, "bad");
    return;
  }
  change("POST", "faults", spec);
});

let asked = 0;
watch((digest) => {
  if (digest.kinds.length === 0 || Date.now() - asked < 500) return;
  asked = Date.now();
  show().catch(() => {});
});
attempt(show);
