// One request: why it came so, what would have worked, what was sent and what came back.

import { address, call, curl } from "./control.js";
import { $, badge, codeBlock, copyButton, el, time } from "./dom.js";

const START = "/api/workflow/v1.0/customer/{customerId}/workflow/{workflowId}/WorkflowExecution";
const TOKEN = "/api/authentication/connect/token";
const SOURCES = {
  documented: "The API’s page documents this answer.",
  measured: "The platform behind the API gave this answer when it was measured.",
  inferred: "Inferred: the platform behind the API most likely answers so.",
  sandbox: "Ours: nothing says what the API answers here.",
};

const OTHER_TOKENS = {
  token_missing: "a token",
  token_expired: "a token that hasn’t expired",
  token_not_yet_valid: "a token that is valid already",
  token_audience: "a token for this API",
  token_issuer: "a token of this issuer",
  customer_forbidden: "a token for this customer",
};

let contract = null;
let shown = null;

/** Show a request in the pane. */
export async function showEntry(id) {
  shown = id;
  const path = `requests/${encodeURIComponent(id)}`;
  const entry = await call("GET", path);
  const failed = entry.status < 200 || entry.status >= 300;
  const [nearest, source, execution] = await Promise.all([
    failed && entry.status < 500 && entry.status ? call("GET", `${path}/nearest`) : null,
    failed && !entry.faultId && entry.status ? sourceOf(entry) : null,
    entry.executionId ? call("GET", `executions/${entry.executionId}`).catch(() => null) : null,
  ]);
  if (shown !== id) return; // another was asked for meanwhile
  const pane = $("pane");
  pane.replaceChildren(
    header(entry),
    ...why(entry),
    ...became(entry, execution),
    ...section("What would have worked", nearest && differences(entry, nearest)),
    ...section("WWW-Authenticate", entry.response?.headers["www-authenticate"] && codeBlock(entry.response.headers["www-authenticate"], "WWW-Authenticate")),
    ...section("The token", entry.token && token(entry)),
    ...section("The answer, as it was sent", entry.response && answer(entry)),
    ...section("Where this answer comes from", source && el("p", {}, badge(source), ` ${SOURCES[source] ?? ""}`)),
    ...section("The request", request(entry)),
  );
  pane.hidden = false;
}

const section = (title, content) => (content ? [el("section", {}, el("h3", {}, title), content)] : []);

function header(entry) {
  const pane = $("pane");
  const word = entry.answerLost ? "lost" : entry.status || "no answer";
  const kind = entry.answerLost ? "lost" : entry.faultId ? "fault" : entry.status >= 200 && entry.status < 300 ? "ok" : "refused";
  return el(
    "header",
    {},
    el("h2", {}, { start: "Start", token: "Token request" }[entry.operation] ?? "Request"),
    badge(word, kind),
    el("span", { class: "muted" }, time(entry.time, { milliseconds: true }), ` · ${entry.durationInMilliseconds} ms`),
    el("button", { class: "quiet close", "aria-label": "Close", onclick: () => pane.dispatchEvent(new Event("close")) }, "×"),
  );
}

function why(entry) {
  const said = [
    ...entry.errors.map((each) => el("p", { class: "why" }, el("strong", {}, each.code), ` ${each.message}`)),
    entry.validation.length > 0 && el("ul", {}, entry.validation.map((each) => el("li", {}, el("code", {}, each.property), ` ${each.message}`))),
    entry.faultId && el("p", {}, "A fault was injected: ", el("a", { href: address("/__admin/ui/faults") }, entry.faultEffect ?? entry.faultId)),
    entry.duplicateOf && el("p", {}, "A second try: the answer of ", el("a", { href: address(`/__admin/ui/executions/${entry.duplicateOf}`) }, "an execution started before"), " was lost."),
    entry.notes.length > 0 && el("ul", {}, entry.notes.map((each) => el("li", {}, each))),
  ].filter(Boolean);
  return said.length ? [el("section", { "aria-label": "Why" }, ...said)] : [];
}

function became(entry, execution) {
  if (!entry.executionId) return [];
  const link = el("a", { href: address(`/__admin/ui/executions/${entry.executionId}`) }, entry.executionId);
  if (!execution) return section("What became of it", el("p", {}, link, " is no longer kept."));
  const done = execution.tasks.filter((each) => each.state === "completed").length;
  const lost = entry.answerLost ? " The client can’t know of it." : "";
  return section("What became of it", el("p", {}, badge(execution.state), ` ${done} of ${execution.tasks.length} tasks completed: `, link, lost));
}

/** What would have worked, with what differs marked, and the rest in words. */
function differences(entry, nearest) {
  const code = entry.errors[0]?.code ?? "";
  const isToken = code.startsWith("token_") || code in OTHER_TOKENS || entry.status === 403;
  const said = new Set(entry.errors.map((each) => each.message));
  const rest = nearest.differences.filter((each) => !said.has(each));
  const sent = entry.path.split("/");
  const parts = nearest.path.split("/").map((part, index) => {
    const same = part.toLowerCase() === (sent[index] ?? "").toLowerCase();
    return [index ? "/" : "", same ? part : el("mark", {}, part)];
  });
  const method = nearest.method === entry.method ? nearest.method : el("mark", {}, nearest.method);
  const authorization = isToken ? ["\nAuthorization: Bearer ", el("mark", {}, OTHER_TOKENS[code] ?? "another token")] : [];
  const body = entry.validation.length ? ["\n\n", el("mark", {}, "the body, put right")] : [];
  return el(
    "div",
    {},
    el("pre", { tabIndex: 0, "aria-label": "What would have worked" }, method, " ", ...parts.flat(), ...authorization, ...body),
    rest.length > 0 && el("ul", {}, rest.map((each) => el("li", {}, each))),
  );
}

function token(entry) {
  const { digest, claims } = entry.token;
  const times = ["iat", "nbf", "exp"].filter((name) => typeof claims?.[name] === "number" && Math.abs(claims[name]) < 8e12);
  return el(
    "div",
    {},
    claims ? el("pre", { tabIndex: 0, "aria-label": "Claims" }, JSON.stringify(claims, null, 2)) : el("p", { class: "muted" }, "Its claims aren’t shown: no trusted key signed it."),
    times.length > 0 && el("p", { class: "muted" }, times.flatMap((name) => [`${name} `, time(new Date(claims[name] * 1000).toISOString()), ", "]), "the request came at ", time(entry.time)),
    el("p", { class: "muted" }, el("code", {}, digest)),
  );
}

function answer(entry) {
  const headers = Object.entries(entry.response.headers).map(([name, value]) => `${name}: ${value}`);
  return codeBlock([`HTTP/1.1 ${entry.status}`, ...headers, "", pretty(entry.response.body)].join("\n"), "The answer");
}

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

function request(entry) {
  const target = entry.path + (entry.query ? `?${entry.query}` : "");
  const headers = Object.entries(entry.headers).map(([name, value]) => `${name}: ${value}`);
  const asCurl = () => {
    const kept = Object.entries(entry.headers).filter(([name]) => !["host", "content-length", "connection", "accept-encoding"].includes(name));
    const sent = Object.fromEntries(kept.map(([name, value]) => [name, name === "authorization" ? "Bearer $TOKEN" : value]));
    return curl(entry.method, location.origin + target, sent, entry.body || undefined);
  };
  return el(
    "div",
    {},
    el("div", { class: "code" }, el("pre", { tabIndex: 0, "aria-label": "The request as it was sent" }, [`${entry.method} ${target}`, ...headers, "", pretty(entry.body)].join("\n")), copyButton(asCurl, "Copy as curl")),
  );
}

/** Where the contract has the answer of this status from. */
async function sourceOf(entry) {
  contract ??= await (await fetch("/openapi.json")).json();
  const responses = contract.paths[entry.operation === "token" ? TOKEN : START].post.responses;
  const response = responses[entry.status] ?? responses.default;
  const name = response?.$ref?.split("/").at(-1);
  return (name ? contract.components.responses[name] : response)?.["x-source"] ?? null;
}
