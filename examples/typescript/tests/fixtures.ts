/** The client under test, and a service that uses it, pointed at the world of the test. */

import { inject, test as base } from "vitest";
import { Service } from "../src/job-service.ts";
import { Client } from "../src/workflow-client.ts";
import { World } from "./workflow-mock.ts";

export const test = base.extend<{ workflowMock: World; client: Client; service: Service }>({
  workflowMock: async ({}, use) => use(new World(inject("workflowMockUrl"))),
  client: async ({ workflowMock }, use) => {
    const { baseUrl, tokenUrl, customerId } = workflowMock;
    await use(new Client({ baseUrl, tokenUrl, customerId, sleep: async () => {} }));
  },
  service: async ({ client }, use) => {
    const service = new Service(client);
    await use(service);
    await service.close();
  },
});
