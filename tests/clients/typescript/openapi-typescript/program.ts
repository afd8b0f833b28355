import createClient from "openapi-fetch";
import type * as admin from "./admin.ts";
import type * as workflow from "./workflow.ts";
import { answer, server, shown } from "../lines.ts";

const control = createClient<admin.paths>({ baseUrl: server });
const api = createClient<workflow.paths>({ baseUrl: server });

interface Envelope {
  meta: { errors: { code: string }[]; validation: { property: string }[] };
}

const refused = (response: Response, error: Envelope) => ({
  status: response.status,
  code: error.meta.errors[0]!.code,
  properties: error.meta.validation.map((problem) => problem.property),
  retryAfter: response.headers.get("retry-after"),
});

await answer({
  async start({ customer, workflow: workflowId, body, token }) {
    const { data, error, response } = await api.POST(
      "/api/workflow/v1.0/customer/{customerId}/workflow/{workflowId}/WorkflowExecution",
      {
        params: { path: { customerId: customer, workflowId } },
        headers: token ? { authorization: `Bearer ${token}` } : {},
        body: { data: { workflowId: body } },
      },
    );
    if (error) {
      return refused(response, error);
    }
    return {
      status: response.status,
      workflow: data.data.workflowId,
      queued: data.data.executionQueue.length,
      triggers: data.data.tasks.filter((task) => task.isTrigger).length,
      finished: data.data.finished,
    };
  },
  async token({ client, secret, scope }) {
    const { data, error, response } = await api.POST("/api/authentication/connect/token", {
      body: {
        grant_type: "client_credentials",
        client_id: client,
        client_secret: secret,
        ...(scope === null ? {} : { scope }),
      },
      headers: { "content-type": "application/x-www-form-urlencoded" },
    });
    if (error) {
      return {
        status: response.status,
        code: error.error,
        description: error.error_description ?? null,
        retryAfter: response.headers.get("retry-after"),
      };
    }
    return { status: response.status, token: data.access_token, scope: data.scope };
  },
  async add_fault({ customer, fault: { delay, ...fault } }) {
    const { data, error, response } = await control.POST("/__admin/faults", {
      body: { ...fault, matcher: { customerId: customer }, ...(delay ? { delayDistribution: delay } : {}) },
    });
    return data ? { status: response.status, id: data.id } : refused(response, error);
  },
  async get_fault({ id }) {
    const { data, error, response } = await control.GET("/__admin/faults/{faultId}", {
      params: { path: { faultId: id } },
    });
    return data ? { status: response.status, fault: shown(data) } : refused(response, error);
  },
  async find_faults({ customer }) {
    const { data, error, response } = await control.GET("/__admin/faults", {
      params: { query: { customerId: customer } },
    });
    return data ? { status: response.status, ids: data.faults.map(({ id }) => id) } : refused(response, error);
  },
  async set_clock({ customer, to }) {
    const { data, error, response } = await control.PUT("/__admin/clock", {
      params: { query: { customerId: customer } },
      body: { action: "set", to },
    });
    return data ? { status: response.status, ...data } : refused(response, error);
  },
  async restore({ customer }) {
    const params = { query: { customerId: customer } };
    const snapshot = await control.GET("/__admin/snapshot", { params });
    if (!snapshot.data) {
      return refused(snapshot.response, snapshot.error);
    }
    const { error, response } = await control.PUT("/__admin/snapshot", { params, body: snapshot.data });
    return error ? refused(response, error) : { status: response.status };
  },
  async verify({ customer, status, exactly }) {
    const { data, error, response } = await control.POST("/__admin/requests/verify", {
      params: { query: { customerId: customer } },
      body: { matcher: { status }, count: { exactly } },
    });
    const verdict = data ?? error;
    return "meta" in verdict
      ? refused(response, verdict)
      : { status: response.status, verified: verdict.verified, count: verdict.count };
  },
});
