/** A world: a test's own part of the server, one customer, whose state is nobody else's. The words are the Python kit's. */

import { randomUUID } from "node:crypto";
import createClient from "openapi-fetch";
import type { components, paths } from "../generated/admin-api.ts";

type Schemas = components["schemas"];
type Fault = Partial<Schemas["FaultSpec"]>;
type Wanted = Schemas["VerificationTimes"] & Schemas["Matcher"] & { within?: string | null };

/** More than a call that waits `within` some seconds takes. */
const CALL_SECONDS = 15;

export class World {
  readonly customerId = randomUUID();
  readonly tokenUrl: string;
  readonly #admin;
  readonly #mine = { query: { customerId: this.customerId } };

  constructor(readonly baseUrl: string) {
    this.tokenUrl = `${baseUrl}/api/authentication/connect/token?customerId=${this.customerId}`;
    const token = process.env.WORKFLOW_MOCK_ADMIN_TOKEN;
    this.#admin = createClient<paths>({ baseUrl, headers: token ? { Authorization: `Bearer ${token}` } : {}, fetch: send });
  }

  // What the client did

  get starts(): Promise<Schemas["JournalEntry"][]> {
    const query = { ...this.#mine.query, limit: 1000 };
    const page = this.#admin.POST("/__admin/requests/find", { params: { query }, body: { operation: "start" } });
    return answer(page).then(({ requests }) => requests);
  }

  get statuses(): Promise<number[]> {
    return this.starts.then((starts) => starts.map(({ status }) => status));
  }

  get executions(): Promise<Schemas["ExecutionSummary"][]> {
    const query = { ...this.#mine.query, limit: 1000 };
    return answer(this.#admin.GET("/__admin/executions", { params: { query } })).then(({ executions }) => executions);
  }

  execution(executionId: string): Promise<Schemas["ExecutionView"]> {
    const params = { ...this.#mine, path: { executionId } };
    return answer(this.#admin.GET("/__admin/executions/{executionId}", { params }));
  }

  /** Fails the test unless there are so many requests: starts, if nothing else is said; one or more of them. */
  async verify({ exactly = null, atLeast = null, atMost = null, within = null, ...matcher }: Wanted): Promise<void> {
    const [operation, count] = [matcher.operation ?? "start", { exactly, atLeast, atMost }];
    const body = { matcher: { ...matcher, operation }, count, within };
    const reply = await this.#admin.POST("/__admin/requests/verify", { params: this.#mine, body });
    if (reply.response.status !== 409 || !reply.error || !("nearest" in reply.error)) return void (await answer(reply));
    const almost = reply.error.nearest
      .filter(({ request }) => request.operation === operation)
      .map(({ request, differences }) => `\n  almost: ${request.status}: ${differences.join("; ")}`);
    const wanted = JSON.stringify({ ...count, ...matcher }, (_, value: unknown) => value ?? undefined);
    throw new Error(`wanted ${wanted}, but there were ${reply.error.count}${almost.join("")}`);
  }

  waitFor(wanted: Wanted): Promise<void> {
    return this.verify({ within: "5s", ...wanted });
  }

  // What happens to it

  failNext(status: number, fault: Fault = {}): Promise<unknown> {
    return this.addFault({ status, times: 1, ...fault });
  }

  loseNextAnswer(): Promise<unknown> {
    return this.addFault({ when: "afterCommit", fault: "CONNECTION_RESET_BY_PEER", times: 1 });
  }

  addFault(body: Fault): Promise<unknown> {
    return answer(this.#admin.POST("/__admin/faults", { params: this.#mine, body }));
  }

  nextToken(kind: Schemas["TokenKind"]): Promise<unknown> {
    return answer(this.#admin.POST("/__admin/tokens", { params: this.#mine, body: { kind, issueNext: 1 } }));
  }

  advance(by: string): Promise<unknown> {
    return answer(this.#admin.PUT("/__admin/clock", { params: this.#mine, body: { action: "advance", by } }));
  }

  freeze(to: string): Promise<unknown> {
    return answer(this.#admin.PUT("/__admin/clock", { params: this.#mine, body: { action: "freeze", to } }));
  }

  /** Gives the id of the new workflow. */
  async addWorkflow(...tasks: Schemas["TaskEntry"][]): Promise<string> {
    const workflowId = randomUUID();
    const [params, body] = [{ ...this.#mine, path: { workflowId } }, { name: "of a test", tasks }];
    await answer(this.#admin.PUT("/__admin/workflows/{workflowId}", { params, body }));
    return workflowId;
  }
}

interface Reply<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** The data of an answer. Throws what the server says where it refuses a call: a fault that isn't there breaks nothing. */
async function answer<T>(call: Reply<T> | Promise<Reply<T>>): Promise<T> {
  const { data, error, response } = await call;
  if (response.ok) return data as T;
  const meta = (error as Partial<Schemas["ErrorResponse"]> | undefined)?.meta;
  const details = meta?.validation?.map(({ property, message }) => `${property}: ${message}`) ?? [];
  const said = meta ? [...meta.errors.map(({ message }) => message), ...details].join("; ") : JSON.stringify(error);
  throw new Error(`${response.url} was refused: ${response.status}: ${said}`);
}

function send(request: Request): Promise<Response> {
  return fetch(request, { signal: AbortSignal.timeout(CALL_SECONDS * 1000) }).catch((error: Error) => {
    throw new Error(`workflow-mock didn't answer ${request.url}: ${error.cause ?? error.message}`);
  });
}
