// What each page has: whether the server is there, what isn't as it comes, and news of what happens.

import { address, attempt, call, customer, latest } from "./control.js";
import { $, el, notice } from "./dom.js";

const PLACES = {
  faults: "/__admin/ui/faults",
  workflows: "/__admin/ui/workflows",
  tokens: "/__admin/ui/tokens",
  keys: "/__admin/ui/tokens",
};
const EVERY = 5000;

let asked = 0;

function ask() {
  asked = Date.now();
  return call("GET", "changes");
}

/** Show what isn't as it comes, and the button that puts it back. */
export const showChanges = latest(ask, ({ changes }) => {
  const chips = changes.map(({ kind, summary }) => {
    if (kind === "clock" && summary.includes("frozen")) return el("button", { class: "chip", title: "Let it run on", onclick: runOn }, `${summary} · run on`);
    return PLACES[kind] ? el("a", { class: "chip", href: address(PLACES[kind]) }, summary) : el("span", { class: "chip" }, summary);
  });
  const back = changes.some((each) => each.undoneByReset)
    ? el("button", { class: "back", onclick: putBack }, customer ? "Put this customer back" : "Put all back")
    : null;
  $("changes").replaceChildren(el("strong", {}, "Not as it comes"), ...chips, ...(back ? [back] : []));
  $("changes").hidden = !changes.length;
});

const runOn = () =>
  attempt(async () => {
    await call("PUT", "clock", { body: { action: "resume" } });
    await showChanges();
  });

const putBack = () =>
  attempt(async () => {
    await call("POST", "reset");
    notice("All is as it came.");
    await showChanges();
  });

function live(state, words) {
  $("live").className = `live ${state}`;
  $("live").textContent = words;
}

/** Call `onDigest` with each digest of what happens; the first after a connection has the newest requests. */
export function watch(onDigest = () => {}) {
  let source = null;
  let isFirst = true;

  function open() {
    isFirst = true;
    source = new EventSource(address("/__admin/events", { digest: true }));
    source.onopen = () => live("on", "Live");
    source.onerror = () => {
      live("off", "No answer");
      isFirst = true;
      if (source.readyState === EventSource.CLOSED) setTimeout(() => source && take(), 2000);
    };
    source.addEventListener("digest", (event) => {
      const digest = JSON.parse(event.data);
      onDigest(digest, isFirst);
      isFirst = false;
      if (digest.kinds.some((kind) => kind !== "execution") && Date.now() - asked > 300) attempt(showChanges);
    });
  }

  function take() {
    source?.close();
    source = null;
    // A browser has six connections for a server: one tab that nobody looks at needs none.
    if (document.hidden) live("", "Paused");
    else open();
  }

  document.addEventListener("visibilitychange", take);
  addEventListener("pagehide", () => source?.close());
  addEventListener("pageshow", (event) => event.persisted && take());
  setInterval(() => document.hidden || Date.now() - asked < EVERY || showChanges().catch(() => {}), 1000);
  attempt(showChanges);
  take();
}
