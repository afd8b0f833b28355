import * as admin from "./admin/index.js";
import * as workflow from "./workflow/index.js";
import { answer, server, shown } from "../lines.ts";

const configuration = new admin.Configuration({ basePath: server });
const faults = new admin.FaultsApi(configuration);
const clocks = new admin.ClockApi(configuration);
const sandbox = new admin.SandboxApi(configuration);
const requests = new admin.RequestsApi(configuration);
const tokens = new workflow.AuthorizationServerApi(new workflow.Configuration({ basePath: server }));

/** What was refused. The client throws the response as it is; the models read its body. */
async function refusal<T>(made: Promise<object>, read: (response: Response, body: any) => object): Promise<object> {
  try {
    return await made;
  } catch (error) {
    if (error instanceof workflow.ResponseError || error instanceof admin.ResponseError) {
      const { response } = error;
      return { status: response.status, ...read(response, await response.json()) };
    }
    throw error;
  }
}

const refused = (response: Response, body: any) => {
  const { meta } = workflow.ErrorEnvelopeFromJSON(body);
  return {
    code: meta.errors[0]!.code,
    properties: meta.validation.map((problem) => problem.property),
    retryAfter: response.headers.get("retry-after"),
  };
};

const control = (made: Promise<object>) =>
  refusal(made, (_, body) => {
    const { meta } = admin.ErrorResponseFromJSON(body);
    return { code: meta.errors[0]!.code, properties: meta.validation.map((problem) => problem.property) };
  });

await answer({
  async start({ customer, workflow: workflowId, body, token }) {
    const api = new workflow.WorkflowExecutionApi(
      new workflow.Configuration({ basePath: server, accessToken: token && `Bearer ${token}` }),
    );
    const request = { customerId: customer, workflowId, startWorkflowExecutionRequest: { data: { workflowId: body } } };
    return refusal(
      api.startWorkflowExecution(request).then(({ data }) => ({
        status: 200,
        workflow: data.workflowId,
        queued: data.executionQueue.length,
        triggers: data.tasks.filter((task) => task.isTrigger).length,
        finished: data.finished,
      })),
      refused,
    );
  },
  async token({ client, secret, scope }) {
    const request = { grantType: "client_credentials", clientId: client, clientSecret: secret } as const;
    return refusal(
      tokens.requestToken({ ...request, ...(scope === null ? {} : { scope }) }).then((token) => ({
        status: 200,
        token: token.accessToken,
        scope: token.scope,
      })),
      (response, body) => {
        const error = workflow.TokenErrorFromJSON(body);
        return {
          code: error.error,
          description: error.errorDescription ?? null,
          retryAfter: response.headers.get("retry-after"),
        };
      },
    );
  },
  async add_fault({ customer, fault: { delay, ...fault } }) {
    const spec = { ...fault, delayDistribution: delay, matcher: { customerId: customer } };
    return control(faults.addFault({ faultSpec: spec }).then(({ id }) => ({ status: 201, id })));
  },
  async get_fault({ id }) {
    return control(faults.getFault({ faultId: id }).then((fault) => ({ status: 200, fault: shown(fault as object) })));
  },
  async find_faults({ customer }) {
    return control(
      faults.findFaults({ customerId: customer }).then((page) => ({
        status: 200,
        ids: page.faults.map(({ id }) => id),
      })),
    );
  },
  async set_clock({ customer, to }) {
    const clockChange: admin.ClockChange = { action: "set", to: new Date(to) };
    return control(clocks.changeClock({ customerId: customer, clockChange }).then((clock) => ({ status: 200, ...clock })));
  },
  async restore({ customer }) {
    return control(
      sandbox
        .getSnapshot({ customerId: customer })
        .then((snapshot) => sandbox.putSnapshotRaw({ customerId: customer, snapshot }))
        .then(({ raw }) => ({ status: raw.status })),
    );
  },
  async verify({ customer, status, exactly }) {
    const verification = { matcher: { status }, count: { exactly } };
    return refusal(
      requests
        .verifyRequests({ customerId: customer, verification })
        .then(({ verified, count }) => ({ status: 200, verified, count })),
      (_, body) => {
        const { verified, count } = admin.VerificationResultFromJSON(body);
        return { verified, count };
      },
    );
  },
});
