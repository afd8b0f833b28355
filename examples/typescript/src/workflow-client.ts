/** The client under test: small, but one that takes refusals as the API means them. */

import { setTimeout as wait } from "node:timers/promises";
import type { components } from "../generated/workflow-api.ts";

export type Execution = components["schemas"]["WorkflowExecution"];
type Refusal = components["schemas"]["ErrorEnvelope"];
type Envelope = components["schemas"]["WorkflowExecutionEnvelope"];
type Start = components["schemas"]["StartWorkflowExecutionRequest"];
type Token = components["schemas"]["TokenResponse"];

const SECONDS = 10;

/** The API refused the token, or what it would do. */
export class NotAllowed extends Error {}

/** The connection broke: whether the workflow was started can't be known. Don't simply try again. */
export class OutcomeUnknown extends Error {}

export interface Options {
  baseUrl: string;
  tokenUrl: string;
  customerId: string;
  clientId?: string;
  clientSecret?: string;
  sleep?: (seconds: number) => Promise<unknown>;
}

interface Answer {
  status: number;
  headers: Headers;
  body: string;
}

/** Starts workflows for one customer. */
export class Client {
  /** What Retry-After has said. */
  readonly waited: string[] = [];
  readonly #options: Required<Options>;
  #token: string | undefined;

  constructor(options: Options) {
    const sleep = (seconds: number) => wait(seconds * 1000);
    this.#options = { clientId: "demo", clientSecret: "demo-secret", sleep, ...options };
  }

  /** Start a workflow. Throws NotAllowed, OutcomeUnknown, or an Error that has the status. */
  async start(workflowId: string): Promise<Execution> {
    const isFresh = this.#token === undefined;
    let answer = await this.#send(workflowId);
    if (answer.status === 401 && !isFresh) {
      this.#token = undefined; // it ran out
      answer = await this.#send(workflowId);
    }
    for (let seconds; (seconds = retryAfter(answer)) !== null; answer = await this.#send(workflowId)) {
      this.waited.push(seconds);
      await this.#options.sleep(Number(seconds));
    }
    if (answer.status === 401 || answer.status === 403) {
      throw new NotAllowed((JSON.parse(answer.body) as Refusal).meta.errors[0]?.message);
    }
    if (answer.status !== 200) throw new Error(`${answer.status}: ${answer.body}`);
    return (JSON.parse(answer.body) as Envelope).data;
  }

  async #send(workflowId: string): Promise<Answer> {
    const path = `/api/workflow/v1.0/customer/${this.#options.customerId}/workflow/${workflowId}/WorkflowExecution`;
    const request = {
      method: "POST",
      headers: { Authorization: `Bearer ${await this.#accessToken()}`, "Content-Type": "application/json" },
      body: JSON.stringify({ data: { workflowId } } satisfies Start),
      signal: AbortSignal.timeout(SECONDS * 1000),
    };
    try {
      const response = await fetch(this.#options.baseUrl + path, request);
      return { status: response.status, headers: response.headers, body: await response.text() };
    } catch (cause) {
      throw new OutcomeUnknown(String(cause), { cause });
    }
  }

  async #accessToken(): Promise<string> {
    if (this.#token === undefined) {
      const { tokenUrl, clientId, clientSecret } = this.#options;
      const form = { grant_type: "client_credentials", client_id: clientId, client_secret: clientSecret };
      const signal = AbortSignal.timeout(SECONDS * 1000);
      const response = await fetch(tokenUrl, { method: "POST", body: new URLSearchParams(form), signal });
      if (!response.ok) throw new Error(`no token: ${response.status}: ${await response.text()}`);
      this.#token = ((await response.json()) as Token).access_token;
    }
    return this.#token;
  }
}

/** What Retry-After says, where the answer is one to be tried again. */
function retryAfter(answer: Answer): string | null {
  return answer.status === 429 || answer.status === 503 ? answer.headers.get("Retry-After") : null;
}
