import * as admin from "./admin.ts";
import * as workflow from "./workflow.ts";
import { answer, shown } from "../lines.ts";

interface Meta {
  errors: { code: string }[];
  validation: { property: string }[];
}

const refused = (answer: { status: number; headers: Headers; data: { meta: Meta } }) => ({
  status: answer.status,
  code: answer.data.meta.errors[0]!.code,
  properties: answer.data.meta.validation.map((problem) => problem.property),
  retryAfter: answer.headers.get("retry-after"),
});

await answer({
  async start({ customer, workflow: workflowId, body, token }) {
    const headers: Record<string, string> = token ? { authorization: `Bearer ${token}` } : {};
    const made = await workflow.startWorkflowExecution(customer, workflowId, { data: { workflowId: body } }, { headers });
    if (made.status !== 200) {
      return refused(made);
    }
    const { data } = made.data;
    return {
      status: made.status,
      workflow: data.workflowId,
      queued: data.executionQueue.length,
      triggers: data.tasks.filter((task) => task.isTrigger).length,
      finished: data.finished,
    };
  },
  async token({ client, secret, scope }) {
    const made = await workflow.requestToken({
      grant_type: "client_credentials",
      client_id: client,
      client_secret: secret,
      ...(scope === null ? {} : { scope }),
    });
    if (made.status !== 200) {
      return {
        status: made.status,
        code: made.data.error,
        description: made.data.error_description ?? null,
        retryAfter: made.headers.get("retry-after"),
      };
    }
    return { status: made.status, token: made.data.access_token, scope: made.data.scope };
  },
  async add_fault({ customer, fault: { delay, ...fault } }) {
    const spec: admin.FaultSpec = { ...fault, matcher: { customerId: customer } };
    const made = await admin.addFault(delay ? { ...spec, delayDistribution: delay } : spec);
    return made.status === 201 ? { status: made.status, id: made.data.id } : refused(made);
  },
  async get_fault({ id }) {
    const made = await admin.getFault(id);
    return made.status === 200 ? { status: made.status, fault: shown(made.data) } : refused(made);
  },
  async find_faults({ customer }) {
    const made = await admin.findFaults({ customerId: customer });
    return made.status === 200 ? { status: made.status, ids: made.data.faults.map(({ id }) => id) } : refused(made);
  },
  async set_clock({ customer, to }) {
    const made = await admin.changeClock({ action: "set", to }, { customerId: customer });
    return made.status === 200 ? { status: made.status, ...made.data } : refused(made);
  },
  async restore({ customer }) {
    const snapshot = await admin.getSnapshot({ customerId: customer });
    if (snapshot.status !== 200) {
      return refused(snapshot);
    }
    const made = await admin.putSnapshot(snapshot.data, { customerId: customer });
    return made.status === 204 ? { status: made.status } : refused(made);
  },
  async verify({ customer, status, exactly }) {
    const made = await admin.verifyRequests({ matcher: { status }, count: { exactly } }, { customerId: customer });
    if (made.status !== 200 && made.status !== 409) {
      return refused(made);
    }
    return { status: made.status, verified: made.data.verified, count: made.data.count };
  },
});
