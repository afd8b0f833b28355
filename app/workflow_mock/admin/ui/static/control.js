// The control plane: calls and their errors, and the customer that the address names.

import { notice } from "./dom.js";

export const customer = new URLSearchParams(location.search).get("customerId") || null;

/** The address of a page or a call with the customer of the filter, and what else its query has. */
export function address(path, query = {}) {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries({ customerId: customer, ...query })) {
    if (value !== null && value !== undefined && value !== "" && value !== false) parameters.set(name, value);
  }
  return parameters.size ? `${path}?${parameters}` : path;
}

/** What a call of the control plane answers. Throws an Error with what the server says of it. */
export async function call(method, path, { query, body } = {}) {
  const response = await fetch(address(`/__admin/${path}`, query), {
    method,
    cache: "no-store",
    headers: body === undefined ? {} : { "Content-Type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  if (response.status === 401) location.reload(); // the server began anew: log in again
  const text = await response.text();
  if (!response.ok) throw new Error(reason(text) || `The server answered ${response.status}`);
  return text ? JSON.parse(text) : null;
}

function reason(text) {
  try {
    const { errors, validation } = JSON.parse(text).meta;
    return [...errors.map((each) => each.message), ...validation.map((each) => `${each.property}: ${each.message}`)].join(" · ");
  } catch {
    return "";
  }
}

/** A function that shows what a call answers, unless it was called again meanwhile: the later answer is the newer. */
export function latest(ask, show) {
  let turn = 0;
  return async (...given) => {
    const mine = ++turn;
    const answer = await ask(...given);
    if (mine === turn) await show(answer);
  };
}

/** Do something that may fail, and tell so if it does. */
export async function attempt(action) {
  try {
    return await action();
  } catch (error) {
    notice(error.message, "bad");
    return undefined;
  }
}

/** A command for a shell. */
export function curl(method, url, headers, body) {
  const quoted = (text) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);
  const parts = [`curl ${method === "POST" && body !== undefined ? "" : `-X ${quoted(method)} `}${quoted(url)}`];
  for (const [name, value] of Object.entries(headers)) {
    parts.push(name.toLowerCase() === "authorization" ? `-H "${name}: ${value.replaceAll('"', '\\"')}"` : `-H ${quoted(`${name}: ${value}`)}`);
  }
  if (body !== undefined) parts.push(`-d ${quoted(body)}`);
  return parts.join(" \\\n  ");
}

export const EXAMPLE_CUSTOMER = "5f0c1e0a-7d5b-4b5e-9c57-2f1f6c3a9d10";
export const startPath = (who, workflow) => `/api/workflow/v1.0/customer/${who}/workflow/${workflow}/WorkflowExecution`;
export const startBody = (workflow) => JSON.stringify({ data: { workflowId: workflow } });

/** A good token; for the customer of the filter, if there is one. */
export const goodToken = async () => (await call("POST", "tokens", { body: {} })).accessToken;
