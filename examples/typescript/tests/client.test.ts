/** What a client of the Workflow API should be able to do, each in a test of its own. */

import { NotAllowed, OutcomeUnknown } from "../src/workflow-client.ts";
import { test } from "./fixtures.ts";

const ORDER = "3c90c3cc-0d44-4b50-8888-8dd25736052a";

test("it starts the workflow", async ({ workflowMock, client }) => {
  await client.start(ORDER);
  await workflowMock.verify({ status: 200, workflowId: ORDER, exactly: 1 });
});

test("it tries again when told to wait", async ({ workflowMock, client, expect }) => {
  await workflowMock.failNext(503, { retryAfter: "2s" });
  await client.start(ORDER);
  expect([await workflowMock.statuses, client.waited]).toEqual([[503, 200], ["2"]]);
});

test("it does not start twice when the answer is lost", async ({ workflowMock, client, expect }) => {
  await workflowMock.loseNextAnswer();
  await expect(client.start(ORDER)).rejects.toThrow(OutcomeUnknown);
  expect([(await workflowMock.starts).length, (await workflowMock.executions).length]).toEqual([1, 1]);
});

test("it renews a token that ran out", async ({ workflowMock, client, expect }) => {
  await client.start(ORDER);
  await workflowMock.advance("2h");
  await client.start(ORDER);
  expect(await workflowMock.statuses).toEqual([200, 401, 200]);
});

test("the report is done after an hour", async ({ workflowMock, client, expect }) => {
  const report = await workflowMock.addWorkflow({ key: "report", duration: "PT1H" });
  const { id } = await client.start(report);
  await workflowMock.advance("1h");
  expect((await workflowMock.execution(id)).state).toBe("completed");
});

test("the whole answer is the stored one", async ({ workflowMock, client, expect }) => {
  await workflowMock.freeze("2030-01-01T00:00:00Z");
  expect(await client.start(ORDER)).toMatchSnapshot({ id: expect.any(String) });
});

test.for(["expired", "bad-signature", "algorithm-none", "missing-scope"] as const)(
  "a bad token is reported: %s",
  async (kind, { workflowMock, client, expect }) => {
    await workflowMock.nextToken(kind);
    await expect(client.start(ORDER)).rejects.toThrow(NotAllowed);
  },
);

test("the job is sent at last", async ({ workflowMock, service }) => {
  service.enqueue(ORDER);
  await workflowMock.waitFor({ status: 200, within: "5s" });
});
